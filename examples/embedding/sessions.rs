//! What an application lends to programs that it does not trust: sessions, which they open, read and close.
//!
//! The rows say what a call takes and does. The verifier holds programs to them, the Rust compiler the functions below,
//! and the header that C programs include is printed from them.

use std::collections::{BTreeMap, VecDeque};

use skep::UserWorld;
use skep::abi::Errno;
use skep::vm::{Handle, Objects, Output};

skep::rows! {
    /// What programs may call.
    pub(crate) static SESSIONS;

    "struct session *" session_open("__u32 user": Scalar) -> ObjectOrNull("session") [Acquires]
        "open the session of a user, or null where there is no such user";
    "int" session_read(
        "struct session *session": Object(&["session"]), "void *to": write(2), "__u32 size": SIZE
    ) -> Integer []
        "take bytes that were sent to the session; returns how many";
    "void" session_close("struct session *session": Object(&["session"])) -> Void [Releases]
        "close a session";
}

/// A session that a program has opened.
pub(crate) struct Session {
    unread: VecDeque<u8>,
}

/// The application's state: what was sent to each user, and the sessions that are open.
#[derive(Default)]
pub(crate) struct Sessions {
    mail: BTreeMap<u32, Vec<u8>>,
    open: Objects<Session>,
}

impl Sessions {
    /// No sessions, and this text for each of these users.
    pub(crate) fn with_mail<'t>(mail: impl IntoIterator<Item = (u32, &'t str)>) -> Sessions {
        let mail = mail.into_iter().map(|(user, text)| (user, text.as_bytes().to_vec())).collect();
        Sessions { mail, ..Sessions::default() }
    }

    /// How many sessions are open.
    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }
}

skep::functions! {
    /// Adds them all.
    pub(crate) fn add for UserWorld, rows SESSIONS;

    fn session_open(call, user: u32) -> Option<Handle<Session>> {
        let sessions = call.world().state::<Sessions>()?;
        let unread = sessions.mail.get(&user)?.iter().copied().collect();
        sessions.open.insert(Session { unread })
    }

    fn session_read(call, session: Handle<Session>, to: Output, size: u32) -> Result<u32, Errno> {
        let sessions = call.world().state::<Sessions>().ok_or(Errno::EINVAL)?;
        let session = sessions.open.get_mut(session).ok_or(Errno::EBADF)?;
        let count = session.unread.len().min(size as usize);
        let bytes: Vec<u8> = session.unread.drain(..count).collect();
        call.bytes_mut(to)[..count].copy_from_slice(&bytes);
        Ok(count as u32)
    }

    fn session_close(call, session: Handle<Session>) {
        if let Some(sessions) = call.world().state::<Sessions>() {
            sessions.open.remove(session);
        }
    }
}
