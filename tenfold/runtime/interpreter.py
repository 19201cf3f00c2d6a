"""The interpreter of plans, as LLVM text; `machine` puts it into one module with the workers. See executor.py for the layout of plans."""

from __future__ import annotations

END, LAUNCH, JUMP_UNLESS, JUMP, HOST, RUN = range(6)  # operation codes

NAMES = ("tenfold_main", "tenfold_advance")

TEXT = f"""
define internal i64 @resolve(ptr %pair, ptr %table, ptr %zero) alwaysinline {{
  %slot = load i64, ptr %pair
  %pv = getelementptr i64, ptr %pair, i64 1
  %value = load i64, ptr %pv
  %literal = icmp slt i64 %slot, 0
  %entry = getelementptr i64, ptr %table, i64 %slot
  %from = select i1 %literal, ptr %zero, ptr %entry
  %base = load i64, ptr %from
  %sum = add i64 %base, %value
  ret i64 %sum
}}

define internal void @resolve_all(ptr %pairs, i64 %n, ptr %table, ptr %zero, ptr %args) alwaysinline {{
entry:
  %any = icmp sgt i64 %n, 0
  br i1 %any, label %loop, label %out
loop:
  %k = phi i64 [ 0, %entry ], [ %k1, %loop ]
  %k2 = shl i64 %k, 1
  %pair = getelementptr i64, ptr %pairs, i64 %k2
  %v = call i64 @resolve(ptr %pair, ptr %table, ptr %zero)
  %to = getelementptr i64, ptr %args, i64 %k
  store i64 %v, ptr %to
  %k1 = add i64 %k, 1
  %more = icmp slt i64 %k1, %n
  br i1 %more, label %loop, label %out
out:
  ret void
}}

define internal void @record(ptr %profile, i64 %pc, i64 %start) noinline {{
entry:
  %end = call i64 $CLOCK
  %count = load i64, ptr %profile
  %count1 = add i64 %count, 1
  store i64 %count1, ptr %profile
  %pcap = getelementptr i64, ptr %profile, i64 1
  %cap = load i64, ptr %pcap
  %room = icmp slt i64 %count, %cap
  br i1 %room, label %write, label %out
write:
  %o = mul i64 %count, 3
  %o2 = add i64 %o, 2
  %p0 = getelementptr i64, ptr %profile, i64 %o2
  store i64 %pc, ptr %p0
  %p1 = getelementptr i64, ptr %p0, i64 1
  store i64 %start, ptr %p1
  %p2 = getelementptr i64, ptr %p0, i64 2
  store i64 %end, ptr %p2
  br label %out
out:
  ret void
}}

define i64 @tenfold_main(ptr %code, ptr %table, ptr %pool, ptr %profile) {{
entry:
  %zero = alloca i64
  store i64 0, ptr %zero
  %most = load i64, ptr %code
  %args = alloca i64, i64 %most, align 16
  %profiled = icmp ne ptr %profile, null
  br label %next
next:
  %pc = phi i64 [ 1, %entry ], [ %pcl, %launched ], [ %pcb, %unless ], [ %pcj, %jump ], [ %pch, %called ], [ %pcr, %went ]
  %at = getelementptr i64, ptr %code, i64 %pc
  %op = load i64, ptr %at
  %w1 = getelementptr i64, ptr %at, i64 1
  %w2 = getelementptr i64, ptr %at, i64 2
  %w3 = getelementptr i64, ptr %at, i64 3
  %w4 = getelementptr i64, ptr %at, i64 4
  switch i64 %op, label %end [ i64 {LAUNCH}, label %launch
                               i64 {JUMP_UNLESS}, label %unless
                               i64 {JUMP}, label %jump
                               i64 {HOST}, label %host
                               i64 {RUN}, label %inner ]
launch:
  %f = load ptr, ptr %w1
  %tasks = load i64, ptr %w2
  %n = load i64, ptr %w3
  call void @resolve_all(ptr %w4, i64 %n, ptr %table, ptr %zero, ptr %args)
  %n2 = shl i64 %n, 1
  %len = add i64 %n2, 4
  %pcl = add i64 %pc, %len
  br i1 %profiled, label %clock, label %run
clock:
  %now = call i64 $CLOCK
  br label %run
run:
  %start = phi i64 [ 0, %launch ], [ %now, %clock ]
  %single = icmp eq i64 %tasks, 1
  br i1 %single, label %inline, label %fork
inline:
  call void %f(ptr %args, i64 0)
  br label %ran
fork:
  call void @tenfold_parallel(ptr %pool, ptr %f, ptr %args, i64 %tasks)
  br label %ran
ran:
  br i1 %profiled, label %note, label %launched
note:
  call void @record(ptr %profile, i64 %pc, i64 %start)
  br label %launched
launched:
  br label %next
unless:
  %where = call i64 @resolve(ptr %w1, ptr %table, ptr %zero)
  %flagp = inttoptr i64 %where to ptr
  %flag = load i8, ptr %flagp
  %yes = icmp ne i8 %flag, 0
  %target = load i64, ptr %w3
  %through = add i64 %pc, 4
  %pcb = select i1 %yes, i64 %through, i64 %target
  br label %next
jump:
  %pcj = load i64, ptr %w1
  br label %next
host:
  %hf = load ptr, ptr %w1
  %hn = load i64, ptr %w2
  call void @resolve_all(ptr %w3, i64 %hn, ptr %table, ptr %zero, ptr %args)
  %hn2 = shl i64 %hn, 1
  %hlen = add i64 %hn2, 3
  %pch = add i64 %pc, %hlen
  %hstart = call i64 $CLOCK
  %status = call i64 %hf(ptr %args)
  br i1 %profiled, label %hnote, label %checked
hnote:
  call void @record(ptr %profile, i64 %pc, i64 %hstart)
  br label %checked
checked:
  %failed = icmp ne i64 %status, 0
  br i1 %failed, label %stopped, label %called
called:
  br label %next
inner:
  %rcode = load ptr, ptr %w1
  %rtable = load ptr, ptr %w2
  %rstatus = call i64 @tenfold_main(ptr %rcode, ptr %rtable, ptr %pool, ptr null)
  %pcr = add i64 %pc, 3
  %rfailed = icmp ne i64 %rstatus, 0
  br i1 %rfailed, label %stopped, label %went
went:
  br label %next
stopped:
  ret i64 1
end:
  ret i64 0
}}

; A kernel of one task: counts down what is left, says in the next word whether there is more, and moves n pointers on.
; Arguments: the count's place, n, (a pointer's place, distance in bytes)*n
define void @tenfold_advance(ptr %args, i64 %task) {{
entry:
  %left = load ptr, ptr %args
  %more = getelementptr i64, ptr %left, i64 1
  %count = load i64, ptr %left
  %count1 = sub i64 %count, 1
  store i64 %count1, ptr %left
  %any = icmp sgt i64 %count1, 0
  %flag = zext i1 %any to i64
  store i64 %flag, ptr %more
  %pn = getelementptr i64, ptr %args, i64 1
  %n = load i64, ptr %pn
  %some = icmp sgt i64 %n, 0
  br i1 %some, label %loop, label %out
loop:
  %k = phi i64 [ 0, %entry ], [ %k1, %loop ]
  %k2 = shl i64 %k, 1
  %k3 = add i64 %k2, 2
  %pplace = getelementptr i64, ptr %args, i64 %k3
  %pdistance = getelementptr i64, ptr %pplace, i64 1
  %place = load ptr, ptr %pplace
  %distance = load i64, ptr %pdistance
  %old = load i64, ptr %place
  %new = add i64 %old, %distance
  store i64 %new, ptr %place
  %k1 = add i64 %k, 1
  %again = icmp slt i64 %k1, %n
  br i1 %again, label %loop, label %out
out:
  ret void
}}
"""
