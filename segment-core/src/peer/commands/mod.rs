//! What an embedder can want.

use segment_proto::RequestId;

use crate::peer::errors::CommandError;

mod channels;
mod messages;
mod session;

pub use channels::Unsent;

type Asked = Result<RequestId, CommandError>;
