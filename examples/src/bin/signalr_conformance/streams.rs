//! Streams to clients, and of clients.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use everywire::{Args, Connection, EventError, NamespaceBuilder, Result, Uploads};
use futures_core::Stream;
use serde_json::Value;

use crate::World;

/// A stream of numbers, which the world counts.
struct Numbers {
    world: Arc<World>,
    next: u64,
    end: u64,
    fail_at: Option<u64>,
    pace: Option<tokio::time::Interval>,
    gate: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    padding: String,
}

impl Numbers {
    fn new(world: Arc<World>, end: u64) -> Self {
        world.begun.fetch_add(1, Ordering::Relaxed);
        Self { world, next: 0, end, fail_at: None, pace: None, gate: None, padding: String::new() }
    }
}

impl Stream for Numbers {
    type Item = Result<Value>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(gate) = &mut self.gate {
            ready!(gate.as_mut().poll(cx));
            self.gate = None;
        }
        if let Some(pace) = &mut self.pace
            && pace.poll_tick(cx).is_pending()
        {
            return Poll::Pending;
        }
        if self.fail_at == Some(self.next) {
            return Poll::Ready(Some(Err(EventError::refuse("the stream broke"))));
        }
        if self.next == self.end {
            return Poll::Ready(None);
        }
        let number = self.next;
        self.next += 1;
        self.world.given.fetch_add(1, Ordering::Relaxed);
        let item = match &*self.padding {
            "" => number.into(),
            padding => format!("{number} {padding}").into(),
        };
        Poll::Ready(Some(Ok(item)))
    }
}

impl Drop for Numbers {
    fn drop(&mut self) {
        self.world.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// The methods that answer by streams, or take some.
pub(crate) fn declare(ns: &mut NamespaceBuilder, world: &Arc<World>) {
    let of = world.clone();
    ns.on_stream("Count", move |_: Connection, Args((end,)): Args<(u64,)>, _: Uploads| {
        let numbers = Numbers::new(of.clone(), end);
        async move { Ok(numbers) }
    });
    let of = world.clone();
    ns.on_stream("Pace", move |_: Connection, Args((end, ms)): Args<(u64, u64)>, _: Uploads| {
        let mut numbers = Numbers::new(of.clone(), end);
        numbers.pace = Some(tokio::time::interval(Duration::from_millis(ms.max(1))));
        async move { Ok(numbers) }
    });
    let of = world.clone();
    ns.on_stream("Held", move |conn: Connection, Args((end,)): Args<(u64,)>, _: Uploads| {
        let mut numbers = Numbers::new(of.clone(), end);
        let gate = of.gate(&conn);
        numbers.gate = Some(Box::pin(async move { gate.notified().await }));
        async move { Ok(numbers) }
    });
    let of = world.clone();
    ns.on("Release", move |conn: Connection, Args(()): Args<()>| {
        of.gate(&conn).notify_one();
        async { Ok(()) }
    });
    let of = world.clone();
    ns.on_stream("Fast", move |_: Connection, Args((end, size)): Args<(u64, usize)>, _: Uploads| {
        let mut numbers = Numbers::new(of.clone(), end);
        numbers.padding = "x".repeat(size);
        async move { Ok(numbers) }
    });
    let of = world.clone();
    ns.on_stream("BreakAt", move |_: Connection, Args((at,)): Args<(u64,)>, _: Uploads| {
        let mut numbers = Numbers::new(of.clone(), u64::MAX);
        numbers.fail_at = Some(at);
        async move { Ok(numbers) }
    });
    ns.on_stream("RefuseStream", async |_: Connection, Args(()): Args<()>, _: Uploads| {
        Err::<Numbers, _>(EventError::refuse("no stream for you"))
    });
    ns.on_stream("Mirror", async |_: Connection, Args((suffix,)): Args<(String,)>, uploads: Uploads| {
        let [upload] = uploads.exactly()?;
        let suffixed = Suffixed { items: Box::pin(upload.items::<String>()), suffix };
        Ok(suffixed)
    });
    ns.on_upload("Sum", async |_: Connection, Args(()): Args<()>, uploads: Uploads| {
        let [mut upload] = uploads.exactly()?;
        let mut sum = 0_i64;
        while let Some(item) = upload.next::<i64>().await {
            sum += item.map_err(|error| EventError::refuse(error.to_string()))?;
        }
        Ok(sum)
    });
    ns.on_upload("Zip", async |_: Connection, Args((between,)): Args<(String,)>, uploads: Uploads| {
        let [mut left, mut right] = uploads.exactly()?;
        let mut zipped = Vec::new();
        while let (Some(left), Some(right)) = (left.next::<String>().await, right.next::<String>().await) {
            let refuse = |error: everywire::UploadError| EventError::refuse(error.to_string());
            zipped.push(format!("{}{between}{}", left.map_err(refuse)?, right.map_err(refuse)?));
        }
        Ok(zipped)
    });
    // Takes nothing until it is cancelled, or its client is gone.
    let of = world.clone();
    ns.on_stream("Ignore", move |_: Connection, Args(()): Args<()>, uploads: Uploads| {
        let mut numbers = Numbers::new(of.clone(), 1);
        numbers.pace = Some(tokio::time::interval_at(
            tokio::time::Instant::now() + Duration::from_secs(3600),
            Duration::from_secs(3600),
        ));
        async move { Ok(Holding { numbers, _uploads: uploads }) }
    });
}

struct Suffixed {
    items: Pin<Box<dyn Stream<Item = std::result::Result<String, everywire::UploadError>> + Send>>,
    suffix: String,
}

impl Stream for Suffixed {
    type Item = Result<String>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.items.as_mut().poll_next(cx).map(|item| {
            let item = item?.map_err(|error| EventError::refuse(error.to_string()));
            Some(item.map(|item| item + &self.suffix))
        })
    }
}

struct Holding {
    numbers: Numbers,
    _uploads: Uploads,
}

impl Stream for Holding {
    type Item = Result<Value>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.numbers).poll_next(cx)
    }
}
