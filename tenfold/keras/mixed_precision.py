"""`keras.mixed_precision`: dtype policies, and the optimizer that float16 needs."""

from tenfold.keras.dtype_policies.identify import set_dtype_policy
from tenfold.keras.dtype_policies.policy import DTypePolicy, dtype_policy
from tenfold.keras.optimizers.loss_scale import LossScaleOptimizer

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy
__all__ = ["DTypePolicy", "LossScaleOptimizer", "Policy", "dtype_policy", "global_policy", "set_dtype_policy", "set_global_policy"]
