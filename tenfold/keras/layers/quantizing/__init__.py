"""What wraps layers with a large matrix: weights in few bits, and low-rank adaptation."""
