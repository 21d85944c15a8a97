//! What the system knows of a thread: its number, its stack, its processor time, its end.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::time::Duration;

use super::resident::resident_bytes;

/// What is taken for a stack that cannot be looked at: as much as most threads touch.
const STACK_BYTES: u64 = 32 << 10;

/// A thread that is alive. May be looked at from any other as long as it does not end meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Thread {
    id: libc::pid_t,
    stack: (usize, usize),
}

impl Thread {
    /// The calling thread. The first call of a thread costs some microseconds.
    pub(super) fn current() -> Self {
        thread_local! {
            static CURRENT: Cell<Option<Thread>> = const { Cell::new(None) };
        }
        if let Some(known) = CURRENT.get() {
            return known;
        }
        // SAFETY: tells a number.
        let id = unsafe { libc::gettid() };
        // SAFETY: tells a number.
        let is_main = unsafe { libc::getpid() } == id;
        let this = Self {
            id,
            // The main thread's stack grows, and finding it means reading a file.
            stack: if is_main { (0, 0) } else { stack() },
        };
        CURRENT.set(Some(this));
        this
    }

    /// Its number.
    pub(super) fn id(self) -> i32 {
        self.id
    }

    /// The processor time it has used, user and system; zero once it has ended.
    pub(super) fn cpu(self) -> Duration {
        /// Per thread, by the scheduler's count: how the kernel reads the low bits of a clock's number.
        const THREAD_CLOCK: libc::clockid_t = 0b110;
        let mut time = MaybeUninit::<libc::timespec>::zeroed();
        // SAFETY: a number that is no thread's is an error, not a fault.
        let failed =
            unsafe { libc::clock_gettime((!self.id << 3) | THREAD_CLOCK, time.as_mut_ptr()) };
        if failed != 0 {
            return Duration::ZERO;
        }
        // SAFETY: zero is a time, and now the kernel has written one.
        let time = unsafe { time.assume_init() };
        Duration::new(
            u64::try_from(time.tv_sec).unwrap_or(0),
            u32::try_from(time.tv_nsec).unwrap_or(0),
        )
    }

    /// Bytes of its stack that are in memory: from its base to the first long stretch that was never touched.
    pub(super) fn stack_bytes(self) -> u64 {
        /// As much as is looked at in one step.
        const STRETCH: usize = 256 << 10;
        let (end, mut at) = self.stack;
        if at == end {
            return STACK_BYTES;
        }
        let mut sum = 0;
        while at > end {
            let next = at.saturating_sub(STRETCH).max(end);
            match resident_bytes(next, at) {
                Some(0) => break,
                Some(bytes) => sum += bytes,
                None => return STACK_BYTES,
            }
            at = next;
        }
        sum
    }
}

/// Where the calling thread's stack lies, with what the C library keeps at its end; empty when that is not known.
fn stack() -> (usize, usize) {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the thread is the calling one; the attributes are written before they are read.
    if unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) } != 0 {
        return (0, 0);
    }
    let mut start: *mut c_void = std::ptr::null_mut();
    let mut size = 0;
    // SAFETY: the attributes were written above, and are not used after being destroyed.
    let failed = unsafe {
        let failed =
            libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        failed
    };
    if failed == 0 {
        (start.addr(), start.addr() + size)
    } else {
        (0, 0)
    }
}

/// Has `end` called on the calling thread when it ends, however it does: by returning, by `pthread_exit` or by being
/// cancelled. A destructor of a thread key runs in all three cases; that of a Rust thread-local might be too early,
/// because those of the libraries still run after it. The function is the same for all calls.
pub(super) fn at_end(end: extern "C" fn()) -> bool {
    static KEY: OnceLock<Option<libc::pthread_key_t>> = OnceLock::new();
    static END: OnceLock<extern "C" fn()> = OnceLock::new();
    extern "C" fn run(_: *mut c_void) {
        if let Some(end) = END.get() {
            end();
        }
    }
    END.get_or_init(|| end);
    let key = KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: the destructor takes any value.
        (unsafe { libc::pthread_key_create(&raw mut key, Some(run)) } == 0).then_some(key)
    });
    let Some(key) = *key else { return false };
    // Any value but null.
    let value: *const c_void = std::ptr::without_provenance(1);
    // SAFETY: the key exists for ever; its value is never followed.
    unsafe { libc::pthread_setspecific(key, value) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_thread_is_looked_at_from_another() {
        let (tell, told) = mpsc::sync_channel(0);
        let (release, held) = mpsc::sync_channel::<()>(0);
        let worker = std::thread::spawn(move || {
            #[allow(clippy::large_stack_arrays, reason = "that is the point")]
            let large = std::hint::black_box([1_u8; 200 << 10]);
            let mut sum = 0_u64;
            for i in 0..3_000_000_u64 {
                sum = std::hint::black_box(sum ^ i);
            }
            tell.send(Thread::current()).unwrap();
            let _ = held.recv();
            std::hint::black_box((large, sum));
        });
        let thread = told.recv().unwrap();
        assert_ne!(thread, Thread::current());
        assert!(thread.stack_bytes() >= 200 << 10);
        assert!(thread.stack_bytes() < 1 << 20);
        assert!(thread.cpu() > Duration::ZERO);
        drop(release);
        worker.join().unwrap();
    }

    #[test]
    fn a_number_of_no_thread_is_harmless() {
        let thread = Thread {
            id: (1 << 22) + 1, // Linux has no more
            stack: (4096, 8192),
        };
        assert_eq!(thread.cpu(), Duration::ZERO);
        assert_eq!(thread.stack_bytes(), STACK_BYTES);
    }
}
