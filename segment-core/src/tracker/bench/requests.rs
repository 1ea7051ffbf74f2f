//! What people ask.

use alloc::string::ToString;

use segment_proto::messages::*;
use segment_proto::{ChannelId, ProtocolVersion, Secret, View, Visitors};

use super::User;

pub fn hello() -> Hello {
    Hello { protocol: ProtocolVersion::CURRENT, greeter: Greeter::Client, software: "test".to_string() }
}

pub fn register(name: &str, password: &str) -> Register {
    Register {
        name: name.to_string(),
        auth_method: AuthMethod::Password,
        secret: Secret(password.to_string()),
        presence: Presence::Online,
    }
}

pub fn login(name: &str, password: &str) -> Login {
    Login {
        name: name.to_string(),
        auth_method: AuthMethod::Password,
        secret: Secret(password.to_string()),
        presence: Presence::Online,
    }
}

pub fn guest(name: &str) -> Guest {
    Guest { name: name.to_string() }
}

pub fn resume(of: &User, presence: Presence) -> ResumeSession {
    ResumeSession { session: of.session, token: of.token, presence }
}

pub fn create(name: &str) -> CreateChannel {
    CreateChannel { name: name.to_string(), view: View::Public, visitors: Visitors::Read }
}

pub fn join(name: &str) -> JoinChannel {
    JoinChannel { name: name.to_string() }
}

pub fn find(name: &str) -> FindChannel {
    FindChannel { name: name.to_string() }
}

pub fn leave(channel: ChannelId) -> LeaveChannel {
    LeaveChannel { channel }
}

pub fn status(presence: Presence) -> SetStatus {
    SetStatus { presence }
}

pub fn announce(port: u16) -> Announce {
    Announce { port, advertise: None }
}
