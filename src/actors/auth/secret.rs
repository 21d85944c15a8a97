//! Passwords: hashed on threads that may block, few at a time.

use std::sync::Arc;

use super::{Auth, AuthError, read_name};
use crate::auth::{Hash, Password, User};
use crate::base::random;

impl Auth {
    /// The user with this name and password.
    pub(super) async fn verify(
        &self,
        name: &str,
        password: Password,
    ) -> Result<Arc<User>, AuthError> {
        let user = read_name(name).and_then(|name| self.book().user(&name).cloned());
        let (right, user) = self
            .work(move || (password.is(user.as_ref().map(|user| &user.password)), user))
            .await?;
        let user = user.filter(|_| right).ok_or(AuthError::Wrong)?;
        // It may have been changed meanwhile.
        let book = self.book();
        let now = book
            .user(&user.name)
            .filter(|now| now.stamp() == user.stamp());
        now.cloned().ok_or(AuthError::Wrong)
    }

    /// What is kept of a password.
    pub(super) async fn hash(&self, password: Password) -> Result<Hash, AuthError> {
        let salt = random::bytes()?;
        Ok(self.work(move || password.hash(salt)).await??)
    }

    /// Who waits has a place among those that may; who goes away leaves it.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AuthError> {
        let inner = &self.0;
        let waiting = inner.waiting.try_acquire().map_err(|_| AuthError::Busy)?;
        let turn = inner.hashing.acquire().await;
        let turn = turn.map_err(|_| AuthError::Failed)?;
        drop(waiting);
        // The permit is for the work, which goes on when nobody waits for it any more.
        turn.forget();
        let inner = Arc::clone(inner);
        let done = tokio::task::spawn_blocking(move || {
            let _turn = Turn(inner);
            work()
        });
        done.await.map_err(|_| AuthError::Failed)
    }
}

/// A permit that is given back when the work is over.
struct Turn(Arc<super::Inner>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.hashing.add_permits(1);
    }
}
