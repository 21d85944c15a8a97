//! The socket that the service manager holds for us: connections wait in it while we are started anew.

use std::net::TcpListener;

use listenfd::ListenFd;

/// Why a passed socket is not used.
#[derive(Debug, thiserror::Error)]
pub enum PassedError {
    /// Several were passed.
    #[error(
        "the service manager passes {0} sockets; one is served: give the socket unit one ListenStream"
    )]
    Several(usize),
    /// It is none that connections could be accepted from.
    #[error("the service manager passes something that is no listening TCP socket: {0}")]
    NotListening(std::io::Error),
}

/// The listening socket that was passed to this process, if any; it can be taken once.
///
/// # Errors
/// When what was passed cannot be served.
pub fn passed_listener() -> Result<Option<TcpListener>, PassedError> {
    let mut passed = ListenFd::from_env();
    match passed.len() {
        0 => Ok(None),
        1 => {
            let listener = passed.take_tcp_listener(0);
            let listener = listener.map_err(PassedError::NotListening)?;
            if let Some(listener) = &listener {
                let nonblocking = listener.set_nonblocking(true);
                nonblocking.map_err(PassedError::NotListening)?;
            }
            Ok(listener)
        }
        several => Err(PassedError::Several(several)),
    }
}
