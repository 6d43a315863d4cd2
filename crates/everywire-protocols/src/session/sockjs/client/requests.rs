//! What a client asks its owner to open, under numbers that rise.

use super::super::super::Lane;
use super::{SockJsClientOutput as Output, SockJsRequest as Request, addresses};

#[derive(Debug)]
pub(super) struct Requests {
    lanes: u32,
    /// What the next one says after `t=`, if they say that.
    buster: Option<u64>,
}

impl Requests {
    pub(super) fn new(buster: Option<u64>) -> Self {
        Self { lanes: 0, buster }
    }

    /// Opens what is at this path of a mount's.
    pub(super) fn open(
        &mut self,
        request: Request,
        mount: &str,
        path: &str,
        body: Vec<u8>,
        out: &mut Vec<Output<'_>>,
    ) -> Lane {
        let lane = Lane(self.lanes);
        self.lanes = self.lanes.wrapping_add(1);
        let url = addresses::under(mount, path, self.buster);
        self.buster = self.buster.map(|number| number + 1);
        out.push(Output::Open { lane, request, url, body });
        lane
    }
}
