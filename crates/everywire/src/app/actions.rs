//! Actions: the built-in events that any client may call, as far as the rights allow.
//!
//! Their arguments come by position; a client that has no positions (a JSON-RPC params object) names them.

use everywire_core::broker::Page;
use everywire_core::{Class, JoinOptions, Payload, PayloadRef, RoomKey, Target, Verb};
use everywire_protocols::protocol::ProtocolForm;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use super::App;
use super::connection::Connection;
use super::error::{EventError, Result, code};
use super::handler::{FromArgs, RawReply, Reply, boxed};
use super::namespace::NamespaceBuilder;
use crate::carrier::frames::Plain;
use crate::driver::handling::may;
use crate::{ConnectionId, Offset};

/// The most messages that one `history` gives.
const HISTORY_MOST: usize = 1000;
/// How many it gives unless asked, and how many members `presence` does.
const PAGE: usize = 100;

/// Which actions there are, and how they are called.
#[derive(Debug, Clone)]
pub struct Actions {
    /// What stands before each name. Default nothing.
    pub prefix: String,
    /// The names. Default all: `subscribe`, `unsubscribe`, `publish`, `presence`, `history`.
    pub names: Vec<String>,
}

impl Actions {
    /// The name of every action.
    pub const ALL: [&str; 5] = ["subscribe", "unsubscribe", "publish", "presence", "history"];
}

impl Default for Actions {
    fn default() -> Self {
        Self { prefix: String::new(), names: Self::ALL.map(str::to_owned).to_vec() }
    }
}

pub(crate) fn register(ns: &mut NamespaceBuilder, actions: &Actions) {
    for action in &actions.names {
        let name = format!("{}{action}", actions.prefix);
        match action.as_str() {
            "subscribe" => _ = ns.insert(name, boxed(subscribe)),
            "unsubscribe" => _ = ns.insert(name, boxed(unsubscribe)),
            "publish" => _ = ns.insert(name, boxed(publish)),
            "presence" => _ = ns.insert(name, boxed(presence)),
            "history" => _ = ns.insert(name, boxed(history)),
            _ => {
                let known = Actions::ALL.join(", ");
                ns.errors.push(format!("there is no action {action:?}; there are {known}"));
            }
        }
    }
}

/// Arguments by position, or one object that names them.
struct Either<P, N>(N, std::marker::PhantomData<P>);

impl<P, N> FromArgs for Either<P, N>
where
    P: DeserializeOwned + Into<N>,
    N: DeserializeOwned,
{
    fn from_args(args: &PayloadRef<'_>, extras: everywire_core::payload::Extras) -> Result<Self> {
        match args.read::<P>(extras) {
            Ok(positional) => Ok(Self(positional.into(), std::marker::PhantomData)),
            Err(error) => match args.read::<(N,)>(extras) {
                Ok((named,)) => Ok(Self(named, std::marker::PhantomData)),
                // What was wrong with the positions says more, unless there is a lone object.
                Err(_) => Err(EventError::arguments(&error)),
            },
        }
    }
}

#[derive(Deserialize)]
struct Subscribe {
    room: String,
    since: Option<String>,
}

#[derive(Deserialize)]
struct Since {
    since: Option<String>,
}

impl From<(String, Option<Since>)> for Subscribe {
    fn from((room, options): (String, Option<Since>)) -> Self {
        Self { room, since: options.and_then(|options| options.since) }
    }
}

#[derive(serde::Serialize)]
struct Subscribed {
    room: String,
    offset: Offset,
    recovered: bool,
    connection: ConnectionId,
}

async fn subscribe(
    connection: Connection,
    Either(args, _): Either<(String, Option<Since>), Subscribe>,
) -> Result<impl Reply> {
    let app = allowed(&connection, &args.room, Verb::Subscribe)?;
    let since = args.since.as_deref().map(parse_offset).transpose()?;
    let options = JoinOptions { since, meta: true };
    let joined = connection.join_with([RoomKey::from(&args.room)], options).await.map_err(refuse)?;
    drop(app);
    let connection = connection.id();
    Ok(Subscribed { room: args.room, offset: joined.offset, recovered: joined.recovered, connection })
}

#[derive(Deserialize)]
struct Room {
    room: String,
}

impl From<(String,)> for Room {
    fn from((room,): (String,)) -> Self {
        Self { room }
    }
}

async fn unsubscribe(connection: Connection, Either(args, _): Either<(String,), Room>) -> Result<impl Reply> {
    connection.leave(&args.room).await;
    Ok(serde_json::Map::new())
}

#[derive(Deserialize)]
struct Publish {
    room: String,
    event: String,
    data: Box<RawValue>,
}

#[derive(serde::Serialize)]
struct Published {
    offset: Offset,
}

/// The arguments of `publish`, with the data unread.
struct PublishArgs {
    room: String,
    event: String,
    data: Payload,
}

impl FromArgs for PublishArgs {
    fn from_args(args: &PayloadRef<'_>, extras: everywire_core::payload::Extras) -> Result<Self> {
        let positional: Result<(String, String, IgnoredAny), _> = args.read(extras);
        match positional {
            Ok((room, event, _)) => {
                // As it came: bytes stay bytes, and JSON is not written anew.
                let data = args.arguments().nth(2).map_or_else(Payload::empty, PayloadRef::into_owned);
                Ok(Self { room, event, data })
            }
            Err(error) => match args.read::<(Publish,)>(extras) {
                Ok((Publish { room, event, data },)) => {
                    let data = PayloadRef::json_value(data.get()).map_err(refuse)?.into_owned();
                    Ok(Self { room, event, data })
                }
                Err(_) => Err(EventError::arguments(&error)),
            },
        }
    }
}

async fn publish(connection: Connection, args: PublishArgs) -> Result<impl Reply> {
    allowed(&connection, &args.room, Verb::Publish)?;
    let core = connection.core();
    let target = Target::room(&args.room);
    let published = core.namespace().publish(Some(core), target, args.event, args.data, Class::Event);
    let offset = published.await.map_err(refuse)?;
    Ok(Published { offset })
}

#[derive(Deserialize)]
struct Presence {
    room: String,
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Deserialize)]
struct PresenceOptions {
    limit: Option<usize>,
    after: Option<String>,
}

impl From<(String, Option<PresenceOptions>)> for Presence {
    fn from((room, options): (String, Option<PresenceOptions>)) -> Self {
        let (limit, after) = options.map_or((None, None), |options| (options.limit, options.after));
        Self { room, limit, after }
    }
}

#[derive(serde::Serialize)]
struct Present {
    count: usize,
    members: Vec<everywire_core::hub::Member>,
}

async fn presence(
    connection: Connection,
    Either(args, _): Either<(String, Option<PresenceOptions>), Presence>,
) -> Result<impl Reply> {
    allowed(&connection, &args.room, Verb::Presence)?;
    let after: Option<ConnectionId> = args.after.as_deref().map(str::parse).transpose().map_err(refuse)?;
    let all = connection.core().namespace().presence(&RoomKey::from(&args.room)).await.map_err(refuse)?;
    let count = all.len();
    let members = all.into_iter().filter(|member| after.is_none_or(|after| member.connection > after));
    let limit = args.limit.unwrap_or(PAGE).min(HISTORY_MOST);
    Ok(Present { count, members: members.take(limit).collect() })
}

#[derive(Deserialize)]
struct History {
    room: String,
    limit: Option<usize>,
    since: Option<String>,
}

#[derive(Deserialize)]
struct HistoryOptions {
    limit: Option<usize>,
    since: Option<String>,
}

impl From<(String, Option<HistoryOptions>)> for History {
    fn from((room, options): (String, Option<HistoryOptions>)) -> Self {
        let (limit, since) = options.map_or((None, None), |options| (options.limit, options.since));
        Self { room, limit, since }
    }
}

async fn history(
    connection: Connection,
    Either(args, _): Either<(String, Option<HistoryOptions>), History>,
) -> Result<impl Reply> {
    allowed(&connection, &args.room, Verb::History)?;
    let since = args.since.as_deref().map(parse_offset).transpose()?;
    let limit = args.limit.unwrap_or(PAGE).min(HISTORY_MOST);
    let room = RoomKey::from(&args.room);
    let page = connection.core().namespace().history([room], since, limit).await.map_err(refuse)?;
    Ok(RawReply(history_reply(&page)?))
}

/// `{"messages":[{event, data, room, offset, time, from}],"offset":…}`: the payloads are spliced in as they are.
fn history_reply(page: &Page) -> Result<Payload> {
    let mut json = Vec::from(&b"{\"messages\":["[..]);
    for (i, broadcast) in page.broadcasts.iter().enumerate() {
        if i > 0 {
            json.push(b',');
        }
        // A poll has the same messages.
        ProtocolForm::Poll.encode(broadcast, true, &mut Plain(&mut json));
    }
    json.extend_from_slice(format!("],\"offset\":\"{}\"}}", page.position).as_bytes());
    let text = String::from_utf8(json)?;
    Ok(PayloadRef::json_value(&text)?.into_owned())
}

/// The application, if the rights allow this.
fn allowed(connection: &Connection, room: &str, verb: Verb) -> Result<App> {
    let app = connection.app().ok_or_else(|| EventError::refuse("the server is gone"))?;
    may(app.state_of(), connection, room, verb)?;
    Ok(app)
}

fn parse_offset(text: &str) -> Result<Offset> {
    text.parse().map_err(|error: everywire_core::vocabulary::InvalidOffset| {
        EventError::new(code::ARGUMENTS, format!("since: {error}"))
    })
}

/// What the client got wrong, in the words of whoever refused it.
fn refuse(error: impl std::fmt::Display) -> EventError {
    EventError::refuse(error.to_string())
}
