//! Counts the memory that is taken, and refuses more than a limit.
#![allow(
    unsafe_code,
    reason = "an allocator is unsafe by its trait; all is passed on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes, as asked for; what the system's allocator adds is not counted.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// How many bytes are taken now.
pub(crate) fn taken() -> usize {
    TAKEN.load(Ordering::Relaxed)
}

/// From now on the process ends where it would take more than so many bytes.
pub(crate) fn limit(bytes: usize) {
    LIMIT.store(bytes, Ordering::Relaxed);
}

pub(crate) struct Counting;

/// Not one atomic step, because those are what an engine that allocates much would be measured by. Only threads that
/// run at the same time could miscount, and what is counted runs in one.
fn add(bytes: usize) {
    TAKEN.store(taken().wrapping_add(bytes), Ordering::Relaxed);
}

fn allowed(more: usize) -> bool {
    // Other threads may have miscounted to below zero.
    let taken = taken().cast_signed().max(0).cast_unsigned();
    taken.saturating_add(more) <= LIMIT.load(Ordering::Relaxed)
}

// SAFETY: every call is passed on as it is, or answered with null, which stands for memory that cannot be had.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !allowed(layout.size()) {
            return std::ptr::null_mut();
        }
        add(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !allowed(layout.size()) {
            return std::ptr::null_mut();
        }
        add(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !allowed(size.saturating_sub(layout.size())) {
            return std::ptr::null_mut();
        }
        add(size.wrapping_sub(layout.size()));
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        add(0_usize.wrapping_sub(layout.size()));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}
