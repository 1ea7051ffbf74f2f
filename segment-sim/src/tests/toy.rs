//! A machine that counts: node 0 counts what the others send, and answers once the count is on disk.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use segment_core::{
    Deadline, Dial, Endpoint, Haste, Input, Machine, OpId, Operation, Output, Recipients, Store, StoreOperation, Table,
    Write,
};
use segment_proto::messages::{Done, Ping};
use segment_proto::{Frame, Instant, LinkId, Message, Now, RequestId};

use crate::image::Image;
use crate::network::{Network, NodeId};

const COUNT: Bytes = Bytes::from_static(b"count");

#[derive(Debug, PartialEq)]
pub enum Told {
    Answered,
}

#[derive(Debug)]
pub struct Toy {
    outputs: VecDeque<Output<Told>>,
    waiting: BTreeMap<OpId, (LinkId, RequestId)>,
    role: Role,
    count: u64,
    operations: u64,
    requests: u64,
}

#[derive(Debug)]
enum Role {
    Counter,
    Caller { link: Option<LinkId>, dials: u64, next: Instant, outstanding: bool },
}

impl Toy {
    pub fn restore(node: NodeId, image: &mut Image, seed: [u8; 32]) -> Result<Self, segment_core::Fatal> {
        let mut count = 0;
        segment_core::store::scan_all(image as &mut dyn Store, Table::Setting, |record| {
            count = u64::from_le_bytes(record.value[..].try_into().unwrap());
        })?;
        let role = match node {
            NodeId(0) => Role::Counter,
            _ => Role::Caller { link: None, dials: 0, next: Instant(0), outstanding: false },
        };
        let requests = u64::from(seed[0]) << 32;
        Ok(Self { outputs: VecDeque::new(), waiting: BTreeMap::new(), role, count, operations: 0, requests })
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    fn on_ping(&mut self, link: LinkId, id: RequestId) {
        self.count += 1;
        self.operations += 1;
        let op = OpId(self.operations);
        self.waiting.insert(op, (link, id));
        let value = Bytes::copy_from_slice(&self.count.to_le_bytes());
        let writes = vec![Write::Put { table: Table::Setting, key: COUNT, value }];
        let operation = Operation::Store(StoreOperation::Write(writes));
        self.outputs.push_back(Output::Perform { op, operation, haste: Haste::AtOnce });
    }
}

impl Machine for Toy {
    type Event = Told;

    fn handle_input(&mut self, input: Input, now: Now) {
        match (input, &mut self.role) {
            (Input::Received { link, header, message }, Role::Counter) if *message.get() == Message::Ping(Ping {}) => {
                self.on_ping(link, header.correlation);
            }
            (Input::Performed { op, .. }, _) => {
                let (link, id) = self.waiting.remove(&op).unwrap();
                let frame = Frame::response(id, &Done {});
                self.outputs.push_back(Output::Transmit { to: Recipients::One(link), frame });
            }
            (Input::Received { .. }, Role::Caller { outstanding, .. }) => {
                *outstanding = false;
                self.outputs.push_back(Output::Event(Told::Answered));
            }
            (Input::LinkUp { link: up, .. }, Role::Caller { link, outstanding, next, .. }) => {
                *link = Some(up);
                *next = now.mono + Duration::from_millis(1);
                *outstanding = false;
            }
            (Input::LinkDown { .. } | Input::DialFailed { .. }, Role::Caller { link, next, .. }) => {
                *link = None;
                *next = now.mono + Duration::from_millis(100);
            }
            _ => {}
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        let Role::Caller { link, dials, next, outstanding } = &mut self.role else { return };
        if *next > now.mono {
            return;
        }
        *next = now.mono + Duration::from_millis(50);
        match link {
            Some(link) if !*outstanding => {
                *outstanding = true;
                self.requests += 1;
                let id = RequestId::from_random([u8::try_from(self.requests & 0xff).unwrap(); 16]);
                let frame = Frame::request(id, &Ping {});
                self.outputs.push_back(Output::Transmit { to: Recipients::One(*link), frame });
            }
            Some(_) => {}
            None => {
                *dials += 1;
                *next = now.mono + Duration::from_secs(4);
                let endpoint = Endpoint { address: Network::address(NodeId(0)), key: None };
                self.outputs.push_back(Output::Dial(Dial { link: LinkId(*dials), endpoint }));
            }
        }
    }

    fn poll_output(&mut self) -> Option<Output<Told>> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        match &self.role {
            Role::Counter => None,
            Role::Caller { next, .. } => Some(Deadline::new(*next, "the next call")),
        }
    }
}
