//! Who am I, and where.

use super::{Alias, Command, CommandSpec, Group, Kind, Needs, ROW, Slot, alias, example};
use segment_proto::messages::Presence;

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec {
        name: "connect",
        group: Group::Session,
        args: &[Slot::optional("url", Kind::Url)],
        help: "connect to a tracker",
        details: "Without an address: the tracker of this profile. The key after # is pinned; without one the\nkey shown at the first connection is, and a changed key is refused.",
        examples: &[
            example("/connect segment://chat.example:22236", "connects, and pins the key at the first time"),
            example("/connect", "connects again to the tracker of this profile"),
        ],
        build: |m| Ok(Command::Connect { url: m.get("url") }),
        ..ROW
    },
    CommandSpec {
        name: "disconnect",
        group: Group::Session,
        help: "close the connection to the tracker; channels stay joined",
        examples: &[example("/disconnect", "channels whose host is connected go on")],
        build: |_| Ok(Command::Disconnect),
        ..ROW
    },
    CommandSpec {
        name: "register",
        aliases: &[alias("signup")],
        group: Group::Session,
        args: &[Slot::required("name", Kind::Name)],
        needs: Needs::Connection,
        help: "make an account and log in to it",
        details: "The password is asked for without echo, or comes from --password-cmd or SEGMENT_PASSWORD.",
        examples: &[example("/register ken", "asks for a new password twice")],
        build: |m| Ok(Command::Register { name: m.need("name")? }),
        ..ROW
    },
    CommandSpec {
        name: "login",
        aliases: &[alias("signin")],
        group: Group::Session,
        args: &[Slot::required("name", Kind::Name)],
        needs: Needs::Connection,
        help: "log in to an account",
        details: "The password is asked for without echo, or comes from --password-cmd or SEGMENT_PASSWORD.\nThe profile then stays logged in until /logout.",
        examples: &[example("/login ken", "asks for the password")],
        build: |m| Ok(Command::Login { name: m.need("name")? }),
        ..ROW
    },
    CommandSpec {
        name: "guest",
        aliases: &[alias("visitor")],
        group: Group::Session,
        args: &[Slot::optional("name", Kind::Name)],
        needs: Needs::Connection,
        help: "look around without an account: read, not write",
        details: "Others see you as ~name. Channels may refuse visitors.",
        examples: &[example("/guest vera", "you are ~vera until you log in or quit")],
        build: |m| Ok(Command::Guest { name: m.get("name") }),
        ..ROW
    },
    CommandSpec {
        name: "logout",
        group: Group::Session,
        needs: Needs::Session,
        help: "end this session; messages in the outbox stay",
        examples: &[example("/logout", "other sessions of yours go on")],
        build: |_| Ok(Command::Logout),
        ..ROW
    },
    CommandSpec {
        name: "whoami",
        group: Group::Session,
        help: "show profile, account, session, device and tracker",
        examples: &[example("/whoami", "also says what others see of you")],
        build: |_| Ok(Command::Whoami),
        ..ROW
    },
    CommandSpec {
        name: "status",
        aliases: &[Alias { name: "invisible", preset: "invisible" }],
        group: Group::Session,
        args: &[Slot::optional("status", Kind::Choice(&["online", "invisible"]))],
        needs: Needs::Account,
        help: "show or change how others see you",
        details: "Invisible is shown exactly as offline. A channel hosted here goes on at the tracker meanwhile. If you watch \
                  a stream, its host and whoever it comes from can tell.",
        examples: &[
            example("/status", "shows it"),
            example("/status invisible", "others see you as offline; the same as /invisible"),
        ],
        build: |m| {
            let presence = m.choice("status", Presence::ALL, Presence::as_str);
            Ok(Command::Status { presence })
        },
        ..ROW
    },
    CommandSpec {
        name: "quit",
        aliases: &[alias("exit")],
        group: Group::Session,
        help: "end the program; what waits in the outbox is sent next time",
        examples: &[example("/quit", "Ctrl-D on an empty line does the same")],
        build: |_| Ok(Command::Quit),
        ..ROW
    },
];
