"""The native part of the runtime, as LLVM text: the workers' loop, fork and join; the interpreter of plans is in `interpreter`.

A *region* runs tasks 0 to n - 1. Its descriptor (function, args, n) is guarded by one word: the region's generation above, how many tasks
are claimed below. A task is claimed by compare-and-swap of the whole word, and the master closes the word (CLOSED) while it writes
a new descriptor, so a late worker can never run a task of one region with the function of another. An idle worker looks at the word only.
Nobody waits for workers that have claimed nothing: those that sleep cost a region only their waking.

The master takes the claimed tasks from the front, workers from the back, so that of one region after the other each has about the same
part of the data, and finds in its own cache what it has written.
"""

from __future__ import annotations

from tenfold.runtime import interpreter

# Offsets in the pool's state, in int64; what different threads write lies on different pairs of cache lines.
WORD = 0
FUNCTION, ARGS, COUNT = 1, 2, 3  # on the word's line, so that a worker gets all of a region in one transfer
DONE, BACK = 32, 33
SLEEPERS, QUIT, EPOCH = 48, 49, 50
BUSY = 64
WORKERS, SPINS, LOCK, UNLOCK, WAIT, WAKE, YIELD = 80, 81, 82, 83, 84, 85, 86
MUTEX, CONDITION = 96, 112
STATE_SIZE = 128

CLOSED = 0x7FFFFFFF
NAMES = ("tenfold_worker", "tenfold_parallel", "tenfold_noop", *interpreter.NAMES)


def text(triple: str) -> str:
    """The module for a machine."""
    x86 = triple.startswith(("x86_64", "i686"))
    pause = "call void @llvm.x86.sse2.pause()" if x86 else "call void @llvm.aarch64.hint(i32 1)" if triple.startswith(("aarch64", "arm64")) else ""
    clock = "@llvm.readcyclecounter()" if x86 else "@llvm.readsteadycounter()"
    return "\n".join([_WORKERS, _PARALLEL, interpreter.TEXT]).replace("$PAUSE", pause).replace("$CLOCK", clock)


def _slots(**offsets: int) -> str:
    """Addresses in the pool's state, by their names in the text."""
    return "\n".join(f"  %{name} = getelementptr i64, ptr %s, i64 {offset}" for name, offset in offsets.items())


_WORKERS = f"""
define void @tenfold_noop(ptr %args, i64 %task) {{
  ret void
}}

; Runs tasks as long as there are any: how many, and the word then. They follow task 0, or are counted from the back.
define internal {{ i64, i64 }} @drain(ptr %s, ptr %back) noinline {{
entry:
  %first = icmp eq ptr %back, null
{_slots(pf=FUNCTION, pa=ARGS, pn=COUNT)}
  br label %claim
claim:
  %count = phi i64 [ 0, %entry ], [ %count, %again ], [ %more, %do ]
  %w = load atomic i64, ptr %s acquire, align 8
  %claimed = and i64 %w, 4294967295
  %n = load atomic i64, ptr %pn acquire, align 8
  %left = icmp ult i64 %claimed, %n
  br i1 %left, label %try, label %out
try:
  %f = load atomic ptr, ptr %pf acquire, align 8
  %a = load atomic ptr, ptr %pa acquire, align 8
  %w1 = add i64 %w, 1
  %r = cmpxchg ptr %s, i64 %w, i64 %w1 seq_cst seq_cst
  %mine = extractvalue {{ i64, i1 }} %r, 1
  br i1 %mine, label %work, label %again
again:
  br label %claim
work:
  br i1 %first, label %front, label %behind
front:
  %next = add i64 %count, 1
  br label %do
behind:
  %taken = atomicrmw add ptr %back, i64 1 monotonic
  %last = sub i64 %n, 1
  %far = sub i64 %last, %taken
  br label %do
do:
  %task = phi i64 [ %next, %front ], [ %far, %behind ]
  call void %f(ptr %a, i64 %task)
  %more = add i64 %count, 1
  br label %claim
out:
  %result = insertvalue {{ i64, i64 }} poison, i64 %count, 0
  %both = insertvalue {{ i64, i64 }} %result, i64 %w, 1
  ret {{ i64, i64 }} %both
}}

define internal void @sleep(ptr %s, i64 %last) noinline {{
entry:
{_slots(ps=SLEEPERS, pq=QUIT, pe=EPOCH, mutex=MUTEX, cond=CONDITION, plock=LOCK, punlock=UNLOCK, pwait=WAIT)}
  %lock = load ptr, ptr %plock
  %unlock = load ptr, ptr %punlock
  %wait = load ptr, ptr %pwait
  call i32 %lock(ptr %mutex)
  %e = load atomic i64, ptr %pe seq_cst, align 8
  %old = atomicrmw add ptr %ps, i64 1 seq_cst
  %w = load atomic i64, ptr %s seq_cst, align 8
  %work = icmp ne i64 %w, %last
  br i1 %work, label %out, label %check
check:
  %q = load atomic i64, ptr %pq seq_cst, align 8
  %e1 = load atomic i64, ptr %pe seq_cst, align 8
  %quit = icmp ne i64 %q, 0
  %called = icmp ne i64 %e1, %e
  %stop = or i1 %quit, %called
  br i1 %stop, label %out, label %block
block:
  call i32 %wait(ptr %cond, ptr %mutex)
  br label %check
out:
  %old2 = atomicrmw sub ptr %ps, i64 1 seq_cst
  call i32 %unlock(ptr %mutex)
  ret void
}}

define void @tenfold_worker(ptr %s) {{
entry:
{_slots(pq=QUIT, pd=DONE, pback=BACK, pl=SPINS)}
  %limit = load i64, ptr %pl
  br label %loop
loop:
  %idle = phi i64 [ 0, %entry ], [ 0, %drained ], [ %idle1, %spin ], [ 0, %nap ]
  %last = phi i64 [ -1, %entry ], [ %seen, %drained ], [ %last, %spin ], [ %last, %nap ]
  %w = load atomic i64, ptr %s acquire, align 8
  %q = load atomic i64, ptr %pq acquire, align 8
  %stop = icmp ne i64 %q, 0
  br i1 %stop, label %out, label %look
look:
  %same = icmp eq i64 %w, %last
  br i1 %same, label %none, label %go
go:
  %both = call {{ i64, i64 }} @drain(ptr %s, ptr %pback)
  %count = extractvalue {{ i64, i64 }} %both, 0
  %seen = extractvalue {{ i64, i64 }} %both, 1
  %some = icmp ne i64 %count, 0
  br i1 %some, label %tell, label %drained
tell:
  %old = atomicrmw add ptr %pd, i64 %count acq_rel
  br label %drained
drained:
  br label %loop
none:
  %tired = icmp sgt i64 %idle, %limit
  br i1 %tired, label %nap, label %spin
spin:
  $PAUSE
  %idle1 = add i64 %idle, 1
  br label %loop
nap:
  call void @sleep(ptr %s, i64 %last)
  br label %loop
out:
  ret void
}}
"""

_PARALLEL = f"""
define internal void @wake(ptr %s) noinline {{
{_slots(pe=EPOCH, mutex=MUTEX, cond=CONDITION, plock=LOCK, punlock=UNLOCK, pwake=WAKE)}
  %lock = load ptr, ptr %plock
  %unlock = load ptr, ptr %punlock
  %broadcast = load ptr, ptr %pwake
  call i32 %lock(ptr %mutex)
  %old = atomicrmw add ptr %pe, i64 1 seq_cst
  call i32 %broadcast(ptr %cond)
  call i32 %unlock(ptr %mutex)
  ret void
}}

define internal void @serial(ptr %f, ptr %a, i64 %n) {{
entry:
  %any = icmp sgt i64 %n, 0
  br i1 %any, label %loop, label %out
loop:
  %t = phi i64 [ 0, %entry ], [ %t1, %loop ]
  call void %f(ptr %a, i64 %t)
  %t1 = add i64 %t, 1
  %more = icmp slt i64 %t1, %n
  br i1 %more, label %loop, label %out
out:
  ret void
}}

define void @tenfold_parallel(ptr %s, ptr %f, ptr %a, i64 %n) {{
entry:
  %none = icmp eq ptr %s, null
  %one = icmp sle i64 %n, 1
  %simple = or i1 %none, %one
  br i1 %simple, label %alone, label %lock
lock:
{_slots(pb=BUSY)}
  %taken = atomicrmw xchg ptr %pb, i64 1 acq_rel
  %busy = icmp ne i64 %taken, 0
  br i1 %busy, label %alone, label %open
alone:
  call void @serial(ptr %f, ptr %a, i64 %n)
  ret void
open:
{_slots(pf=FUNCTION, pa=ARGS, pn=COUNT, pd=DONE, pback=BACK, ps=SLEEPERS)}
  %w = load atomic i64, ptr %s acquire, align 8
  %g = lshr i64 %w, 32
  %g1 = add i64 %g, 1
  %c0 = shl i64 %g1, 32
  %c = or i64 %c0, {CLOSED}
  store atomic i64 %c, ptr %s release, align 8
  store atomic ptr %f, ptr %pf release, align 8
  store atomic ptr %a, ptr %pa release, align 8
  store atomic i64 %n, ptr %pn release, align 8
  store atomic i64 0, ptr %pd release, align 8
  store atomic i64 0, ptr %pback release, align 8
  %g2 = add i64 %g, 2
  %o0 = shl i64 %g2, 32
  %o = or i64 %o0, 1
  %opened = atomicrmw xchg ptr %s, i64 %o seq_cst
  %sleepers = load atomic i64, ptr %ps seq_cst, align 8
  %asleep = icmp ne i64 %sleepers, 0
  br i1 %asleep, label %call, label %work
call:
  call void @wake(ptr %s)
  br label %work
work:
  call void %f(ptr %a, i64 0)
  %both = call {{ i64, i64 }} @drain(ptr %s, ptr null)
  %more = extractvalue {{ i64, i64 }} %both, 0
  %mine = add i64 %more, 1
  %theirs = sub i64 %n, %mine
  br label %join
join:
  %spins = phi i64 [ 0, %work ], [ %spins1, %pause ], [ 0, %yield ]
  %d = load atomic i64, ptr %pd acquire, align 8
  %ready = icmp eq i64 %d, %theirs
  br i1 %ready, label %out, label %pause
pause:
  $PAUSE
  %spins1 = add i64 %spins, 1
  %long = icmp sgt i64 %spins1, 2000
  br i1 %long, label %yield, label %join
yield:
{_slots(py=YIELD)}
  %yf = load ptr, ptr %py
  call i32 %yf()
  br label %join
out:
  store atomic i64 0, ptr %pb release, align 8
  ret void
}}
"""
