//! System calls for which the socket crates have no name.

#![allow(unsafe_code, reason = "three system calls; each with its argument")]

use std::ffi::CString;
use std::io;
use std::mem::size_of;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use socket2::SockAddr;

/// `struct group_source_req` of RFC 3678, 5.2.1.
#[repr(C)]
struct GroupSource {
    interface: u32,
    group: libc::sockaddr_storage,
    source: libc::sockaddr_storage,
}

/// Joins `group` for what `source` sends alone, of either address family; interface 0 takes the one of the route.
pub(super) fn join_source(
    socket: &impl AsRawFd,
    interface: u32,
    group: SocketAddr,
    source: SocketAddr,
) -> io::Result<()> {
    let request = GroupSource {
        interface,
        group: storage(group),
        source: storage(source),
    };
    let level = if group.is_ipv4() {
        libc::IPPROTO_IP
    } else {
        libc::IPPROTO_IPV6
    };
    // SAFETY: the pointer and length are those of a live value with the layout that the option asks for
    // (`repr(C)`, as <netinet/in.h> declares it); the kernel only reads it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            libc::MCAST_JOIN_SOURCE_GROUP,
            (&raw const request).cast(),
            size_of::<GroupSource>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn storage(address: SocketAddr) -> libc::sockaddr_storage {
    let address = SockAddr::from(address);
    // SAFETY: all zeros is a valid value of this plain C struct.
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    // SAFETY: both are valid for `len` bytes, which a `SockAddr` keeps within the size of the storage.
    unsafe {
        std::ptr::copy_nonoverlapping(
            address.as_ptr().cast::<u8>(),
            (&raw mut storage).cast::<u8>(),
            address.len() as usize,
        );
    }
    storage
}

/// The index of the interface of this name.
pub(super) fn interface_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: a C string that lives over the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// Datagrams that the system has dropped because the receive buffer was full; `None` where it does not tell.
pub(super) fn overflows(socket: &impl AsRawFd) -> Option<u32> {
    // <linux/sock_diag.h>
    const DROPS: usize = 8;
    const COUNT: usize = 9;
    let mut figures = [0_u32; COUNT];
    let mut length = size_of::<[u32; COUNT]>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes into the array, and what it wrote into `length`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            figures.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    (result == 0 && length as usize > DROPS * size_of::<u32>()).then(|| figures[DROPS])
}
