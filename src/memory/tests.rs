//! Accounts from the outside.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::ffi::c_void;
use std::hint::black_box;
use std::sync::mpsc;
use std::thread;

use super::*;

const MB: u64 = 1 << 20;

fn account() -> Account {
    assert_eq!(init(), Accounting::On);
    Account::open()
}

fn heap_of(account: &Account) -> u64 {
    account.usage().unwrap().heap_bytes
}

/// What is left once all that is free was given back. To ask for it does nothing while the allocator's own thread is at
/// it, which leaves what was freed since for later.
fn trimmed(account: &Account) -> u64 {
    let tries = (0..20).map(|_| {
        account.trim();
        thread::sleep(Duration::from_millis(50));
        heap_of(account)
    });
    tries.min().unwrap()
}

fn arena_of<T: ?Sized>(memory: &T) -> u32 {
    jemalloc::arena_of(std::ptr::from_ref(memory).cast()).unwrap()
}

/// The arena that the calling thread allocates from. Too large for its cache, where other arenas' memory may be.
fn now() -> u32 {
    arena_of(&*black_box(Box::new([0_u8; 5000])))
}

/// As many bytes, all of them touched.
fn touched(megabytes: u64) -> Vec<u8> {
    black_box(vec![1; (megabytes * MB) as usize])
}

#[test]
fn what_is_allocated_inside_is_charged_wherever_it_is_freed() {
    let account = account();
    let before = heap_of(&account);
    let entered = account.enter();
    let large = touched(8);
    let small: Vec<Box<[u8; 100]>> = (0..20_000).map(|_| Box::new([1; 100])).collect();
    drop(entered);
    let outside = touched(8);
    let grown = heap_of(&account) - before;
    assert!((10 * MB - MB / 10..11 * MB).contains(&grown), "{grown}");
    thread::spawn(move || drop((large, small))).join().unwrap();
    let left = trimmed(&account).saturating_sub(before);
    assert!(left < MB / 2, "{left}");
    drop(outside);
    let usage = account.usage().unwrap();
    assert!(usage.peak_bytes >= before + 10 * MB - MB / 10);
    assert_eq!(usage.threads, 0);
}

#[test]
fn guards_nest_and_restore() {
    let (outer, inner) = (account(), account());
    let arena = |account: &Account| account.arena().index();
    let home = now();
    let first = outer.enter();
    assert_eq!(now(), arena(&outer));
    {
        let _second = inner.enter();
        assert_eq!(now(), arena(&inner));
        let _same = inner.enter();
        let _again = outer.enter();
        assert_eq!(now(), arena(&outer));
        assert_eq!(inner.usage().unwrap().threads, 0);
    }
    assert_eq!(now(), arena(&outer));
    assert_eq!(outer.usage().unwrap().threads, 1);
    drop(first);
    assert_eq!(now(), home);
    assert_eq!(outer.usage().unwrap().threads, 0);
}

#[test]
fn a_pooled_thread_attaches_and_detaches() {
    let (first, second) = (account(), account());
    thread::spawn({
        let (first, second) = (first.clone(), second.clone());
        move || {
            let home = now();
            first.attach();
            assert_eq!(first.usage().unwrap().threads, 1);
            second.attach();
            assert_eq!(first.usage().unwrap().threads, 0);
            assert_eq!(now(), second.arena().index());
            Account::detach();
            assert_eq!(second.usage().unwrap().threads, 0);
            assert_eq!(now(), home);
            Account::detach();
            second.attach(); // and ends like that
        }
    })
    .join()
    .unwrap();
    assert_eq!(second.usage().unwrap().threads, 0);
}

/// A thread that a library starts, and how it ends.
extern "C-unwind" fn of_a_library(argument: *mut c_void) -> *mut c_void {
    unsafe extern "C-unwind" {
        fn pthread_exit(value: *mut c_void) -> !;
    }
    // SAFETY: the argument is a channel end that outlives the thread.
    let tell = unsafe { &*argument.cast::<mpsc::SyncSender<u32>>() };
    // SAFETY: one allocation of this size, given back below.
    let memory = unsafe { libc::malloc(5000) };
    let arena = jemalloc::arena_of(memory).unwrap();
    // SAFETY: as above.
    unsafe { libc::free(memory) };
    let mut sum = 0_u64;
    for i in 0..2_000_000_u64 {
        sum = black_box(sum ^ i);
    }
    tell.send(arena).unwrap();
    tell.send(arena).unwrap();
    // SAFETY: nothing on this stack has a destructor.
    unsafe { pthread_exit(std::ptr::null_mut()) }
}

#[test]
fn threads_that_libraries_start_are_charged_to_their_end() {
    let account = account();
    let (tell, told) = mpsc::sync_channel::<u32>(0);
    let entered = account.enter();
    let mut thread = 0;
    // SAFETY: the function takes what it is given, which lives until it is joined below.
    let failed = unsafe {
        libc::pthread_create(
            &raw mut thread,
            std::ptr::null(),
            std::mem::transmute::<
                extern "C-unwind" fn(*mut c_void) -> *mut c_void,
                extern "C" fn(*mut c_void) -> *mut c_void,
            >(of_a_library),
            (&raw const tell).cast_mut().cast(),
        )
    };
    assert_eq!(failed, 0);
    drop(entered);
    assert_eq!(told.recv().unwrap(), account.arena().index());
    let running = account.usage().unwrap();
    assert_eq!(running.threads, 1);
    assert!(running.cpu > Duration::ZERO);
    assert!(running.stack_bytes > 0);
    told.recv().unwrap();
    // SAFETY: started above, joined once.
    unsafe { libc::pthread_join(thread, std::ptr::null_mut()) };
    let ended = account.usage().unwrap();
    assert_eq!((ended.threads, ended.stack_bytes), (0, 0));
    assert!(ended.cpu >= running.cpu);
}

#[test]
fn an_account_lives_as_long_as_a_thread_that_hangs() {
    let account = account();
    let open = account.watch();
    let (release, held) = mpsc::sync_channel::<()>(0);
    let (tell, told) = mpsc::sync_channel(0);
    let entered = account.enter();
    let hangs = thread::spawn(move || {
        let memory = touched(4);
        tell.send(()).unwrap();
        let _ = held.recv();
        drop(memory);
    });
    drop(entered);
    told.recv().unwrap();
    drop(account);
    assert!(open.upgrade().is_some());
    assert!(process().parts.unwrap().pipelines >= 4 * MB);
    drop(release);
    hangs.join().unwrap();
    // The thread has been joined, and its keys are destroyed before that.
    assert!(open.upgrade().is_none());
}

#[test]
fn a_block_is_charged_from_any_thread_and_keeps_its_account() {
    let account = account();
    let before = heap_of(&account);
    let bytes = touched(3);
    let block = account.copy(&bytes);
    assert_eq!(block.as_ref(), bytes);
    assert_eq!(arena_of(block.as_ref()), account.arena().index());
    assert!(heap_of(&account) - before >= 3 * MB);
    assert_eq!(account.copy(&[]).as_ref(), b"");
    thread::spawn(move || drop(block)).join().unwrap();
    assert!(trimmed(&account) < before + MB / 2);
    let open = account.watch();
    let block = account.copy(&bytes);
    drop(account);
    assert!(open.upgrade().is_some());
    drop(block);
    assert!(open.upgrade().is_none());
}

#[test]
fn processor_time_counts_only_while_bound() {
    let account = account();
    let work = || {
        let from = super::thread::Thread::current().cpu();
        let mut sum = 0_u64;
        while super::thread::Thread::current().cpu().saturating_sub(from)
            < Duration::from_millis(20)
        {
            sum = black_box(sum + 1);
        }
    };
    work();
    assert_eq!(account.usage().unwrap().cpu, Duration::ZERO);
    let entered = account.enter();
    work();
    let inside = account.usage().unwrap().cpu;
    assert!(inside >= Duration::from_millis(20));
    drop(entered);
    let after = account.usage().unwrap().cpu;
    work();
    assert_eq!(account.usage().unwrap().cpu, after);
    assert!(after >= inside);
}

#[test]
fn many_threads_open_enter_and_drop_at_once() {
    let shared = account();
    thread::scope(|scope| {
        for seed in 0..8_u32 {
            let shared = &shared;
            scope.spawn(move || {
                for round in 0..200_u32 {
                    let own = account();
                    let _own = own.enter();
                    let memory = vec![1_u8; ((seed * 7919 + round * 104_729) % 100_000) as usize];
                    if round % 3 == 0 {
                        let _shared = shared.enter();
                        let block = own.copy(&memory);
                        thread::spawn(move || drop(block)).join().unwrap();
                    }
                    if round % 50 == 0 {
                        process();
                    }
                    shared.usage().unwrap();
                    drop(black_box(memory));
                }
            });
        }
    });
    assert_eq!(shared.usage().unwrap().threads, 0);
}

#[test]
fn the_parts_of_the_process_make_the_whole() {
    let account = account();
    let entered = account.enter();
    let memory = touched(40);
    drop(entered);
    let now = process();
    let parts = now.parts.unwrap();
    assert!(parts.pipelines >= 40 * MB);
    assert!(parts.server > 0 && parts.open_accounts >= 1);
    let sum = parts.pipelines + parts.spare + parts.server + parts.unattributed;
    assert!(sum >= now.anonymous);
    assert!(now.peak_anonymous >= now.anonymous && now.resident >= now.anonymous);
    drop(memory);
}
