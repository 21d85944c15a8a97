//! The files of the page, as the build packed them into the program (`build.rs`).

/// A file of the page.
#[derive(Debug)]
pub(super) struct File {
    /// Its path, such as `assets/index-5f2c91aa.js`.
    pub(super) path: &'static str,
    /// Its media type.
    pub(super) kind: &'static str,
    /// Names its bytes.
    pub(super) tag: &'static str,
    /// As it is.
    pub(super) plain: &'static [u8],
    /// By gzip, where that is smaller.
    pub(super) gzip: Option<&'static [u8]>,
}

/// All of them, by path; none in a program that was built without its page.
pub(super) static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/page.rs"));
