//! What a client asks of the hub that is no event of the application's: in its turn, behind the events that came before.

use std::sync::Arc;

use everywire_core::hub::Verdict;
use everywire_core::{Name, Original, Payload, RoomKey, Token, Verb};

/// One thing to do for a client. It is answered by an [`Item::Reply`](everywire_core::Item::Reply) with the token that it came
/// with; see [`Ends`] for what becomes of one that fails.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// Enter a room, if the client may.
    Subscribe {
        /// Its name.
        room: Arc<str>,
        /// The offset after which the client wants to hear what the room has kept.
        since: Option<Box<str>>,
        /// Just before what the subscription is the first to hear, a reply to this is sent; see
        /// [`Namespace::join_marked`](everywire_core::Namespace::join_marked).
        mark: Token,
    },
    /// Leave a room.
    Unsubscribe {
        /// Its name.
        room: Arc<str>,
    },
    /// Publish, if the client may.
    Publish {
        /// To whom: a room by name, which its rights decide about, or a user; the user without a name is the client's own.
        to: RoomKey,
        /// What.
        message: Published,
    },
    /// Put a message into a queue, if the client may.
    Send {
        /// The queue's name.
        queue: Arc<str>,
        /// The message.
        message: Published,
    },
    /// Take messages of a queue, if the client may: each comes as an
    /// [`Item::Delivery`](everywire_core::Item::Delivery).
    Consume {
        /// The queue's name.
        queue: Arc<str>,
        /// The number that tells its consumers apart.
        consumer: u32,
        /// Whether the client settles each message; else it is settled when it is sent.
        settles: bool,
        /// How many it may have that are not settled.
        prefetch: usize,
    },
    /// Take no more messages.
    Stop {
        /// By its number.
        consumer: u32,
    },
    /// Settle a message.
    Settle {
        /// Whose it is.
        consumer: u32,
        /// Which.
        delivery: u64,
        /// Whether all that this consumer got before are settled, too.
        up_to: bool,
        /// How.
        verdict: Verdict,
    },
    /// Call a handler, and do something with its answer. Whether that may go where the client wants it is asked when there is one:
    /// who is to know before the handler runs asks for [`Rights`](Self::Rights) first.
    Call {
        /// The event.
        event: Box<str>,
        /// Its arguments.
        args: Payload,
        /// Where its answer goes, beside the reply.
        answer: AnswerTo,
    },
    /// Find out whether the client may do all of this, before any of it is done.
    Rights {
        /// Each room or queue by its name, and what is to be done with it.
        asked: Vec<(Arc<str>, Verb)>,
    },
    /// Nothing: the reply says that the turn has come.
    Nothing,
}

/// What is published or put into a queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// The event.
    pub event: Name,
    /// Its arguments.
    pub payload: Payload,
    /// As the client wrote it, if that says more.
    pub original: Option<Arc<Original>>,
}

/// Where the answer to a call goes, beside the reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerTo {
    /// Nowhere.
    Nobody,
    /// To a room: as an event of the call's name. `asked` if it was the client who named it: then its rights decide.
    Room {
        /// The room.
        room: Arc<str>,
        /// Whether the client named it.
        asked: bool,
        /// What it says besides, to those that speak the client's protocol.
        original: Option<Arc<Original>>,
    },
    /// Into a queue that the client named.
    Queue {
        /// The queue.
        queue: Arc<str>,
        /// As in a room.
        original: Option<Arc<Original>>,
    },
}

impl Task {
    /// What of a client's rights it needs to be done, if any: the name of a room or a queue, and what is done with it.
    pub fn right(&self) -> Option<(&Arc<str>, Verb)> {
        Some(match self {
            Self::Subscribe { room, .. } => (room, Verb::Subscribe),
            Self::Publish { to: RoomKey::Named(room), .. }
            | Self::Call { answer: AnswerTo::Room { room, asked: true, .. }, .. } => (room, Verb::Publish),
            Self::Send { queue, .. } | Self::Call { answer: AnswerTo::Queue { queue, .. }, .. } => {
                (queue, Verb::Send)
            }
            Self::Consume { queue, .. } => (queue, Verb::Consume),
            _ => return None,
        })
    }

    /// What it counts against the bounds of what may wait: about what it occupies, beside itself.
    pub fn size(&self) -> usize {
        match self {
            Self::Subscribe { room, since, mark } => {
                room.len() + since.as_ref().map_or(0, |since| since.len()) + mark.size()
            }
            Self::Unsubscribe { room } => room.len(),
            Self::Publish { to: RoomKey::Named(name) | RoomKey::User(name), message } => {
                name.len() + message.size()
            }
            Self::Publish { message, .. } => message.size(),
            Self::Send { queue, message } => queue.len() + message.size(),
            Self::Consume { queue, .. } => queue.len(),
            Self::Call { event, args, answer } => {
                let answer = match answer {
                    AnswerTo::Room { room: name, original, .. }
                    | AnswerTo::Queue { queue: name, original } => {
                        name.len() + original.as_ref().map_or(0, |original| original.size())
                    }
                    AnswerTo::Nobody => 0,
                };
                event.len() + args.size() + answer
            }
            Self::Rights { asked } => {
                asked.iter().map(|(name, verb)| name.len() + size_of_val(name) + size_of_val(verb)).sum()
            }
            Self::Stop { .. } | Self::Settle { .. } | Self::Nothing => 0,
        }
    }
}

impl Published {
    /// As [`Task::size`].
    pub fn size(&self) -> usize {
        self.event.len() + self.payload.size() + self.original.as_ref().map_or(0, |original| original.size())
    }
}

/// Something cannot be done now, and may be done later: a queue is full.
pub const BUSY: i32 = -32009;

/// Something broke on our side (JSON-RPC 2.0, section 5.1).
const INTERNAL: i32 = -32603;

/// Whether a task that fails ends the conversation: the client has done what it may not, or what cannot be, and counts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ends {
    /// It does not: its failure is a handler's.
    #[default]
    Never,
    /// It does, unless something is full or broken for now.
    UnlessBusy,
    /// It does.
    Always,
}

impl Ends {
    /// Whether it does, failing with this code.
    pub fn with(self, code: i32) -> bool {
        match self {
            Self::Never => false,
            Self::UnlessBusy => code != BUSY && code != INTERNAL,
            Self::Always => true,
        }
    }
}

impl Task {
    /// What becomes of the conversation if it fails.
    pub fn ends(&self) -> Ends {
        match self {
            Self::Call { .. } => Ends::Never,
            Self::Subscribe { .. } | Self::Consume { .. } | Self::Rights { .. } => Ends::Always,
            _ => Ends::UnlessBusy,
        }
    }

    /// What it is called in logs.
    pub fn name(&self) -> &str {
        match self {
            Self::Subscribe { .. } => "subscribe",
            Self::Unsubscribe { .. } => "unsubscribe",
            Self::Publish { .. } => "publish",
            Self::Send { .. } => "send",
            Self::Consume { .. } => "consume",
            Self::Stop { .. } => "stop",
            Self::Settle { .. } => "settle",
            Self::Call { event, .. } => event,
            Self::Rights { .. } => "rights",
            Self::Nothing => "nothing",
        }
    }
}
