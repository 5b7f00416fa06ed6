//! Cuts fragments at page borders and asks for their translations, ahead of the data.

use super::records::VirtChunk;
use crate::bus::fifo::Fifo;
use crate::bus::ports::*;
use rust_hdl::prelude::*;

/// State of the [`Chunker`].
#[derive(Copy, Clone, Debug, PartialEq, LogicState)]
pub enum ChunkState {
    /// Waits for a chain.
    Idle,
    /// Takes a fragment.
    Load,
    /// Cuts the next chunk.
    Cut,
    /// Records the chunk and asks for its translation.
    Record,
    /// The chain broke, or its queue parked: takes its fragments and drops them.
    Drop,
}

/// Names of the states, by number.
pub const CHUNK_STATES: &[&str] = &["idle", "load", "cut", "record", "drop"];

logic_block! {
    /// Cuts fragments at page borders; see the module.
    pub struct Chunker {
        /// Clock.
        pub clock: Signal<In, Clock>,
        /// Synchronous reset.
        pub reset: Signal<In, Bit>,
        /// Chains from the queue fetcher.
        pub chain_in: ChainSink,
        /// Their fragments.
        pub fragments: FragmentSink,
        /// Chains to the TSO pipeline.
        pub chain_out: ChainSource,
        /// Asks the MMU; answers go to the resolver.
        pub req_valid: Signal<Out, Bit>,
        /// The MMU takes the request.
        pub req_ready: Signal<In, Bit>,
        /// Address space of the request.
        pub req_context: Signal<Out, Bits<4>>,
        /// Page of the request.
        pub req_virt_page: Signal<Out, Bits<52>>,
        /// A chunk under translation, to the resolver.
        pub chunk_valid: Signal<Out, Bit>,
        /// The resolver takes it.
        pub chunk_ready: Signal<In, Bit>,
        /// The chunk.
        pub chunk: Signal<Out, VirtChunk>,
        /// The chain with this tag broke: the rest of it is of no use.
        pub abort_valid: Signal<In, Bit>,
        /// Tag of the broken chain.
        pub abort_tag: Signal<In, Bits<6>>,
        /// Bit a transmit queue: chains of epoch 0 are dropped.
        pub drops_even: Signal<In, Bits<16>>,
        /// Bit a transmit queue: chains of epoch 1 are dropped.
        pub drops_odd: Signal<In, Bits<16>>,
        /// A marker is to follow all chunks whose translation was asked for.
        pub mark: Signal<In, Bit>,
        /// It does.
        pub mark_taken: Signal<Out, Bit>,
        /// State number.
        pub debug: Signal<Out, Bits<3>>,
        //
        chains: Fifo<super::records::ChainRecord, 4>,
        chunks: Fifo<VirtChunk, 4>,
        state: DFF<ChunkState>,
        // of the state: a fragment is taken; a chunk is recorded
        wants: DFF<Bit>,
        recording: DFF<Bit>,
        // the chunk is recorded, its translation not yet asked for
        recorded: DFF<Bit>,
        // a chain came on the last clock; whether it is dropped shows now
        came: DFF<Bit>,
        came_chain: DFF<super::records::ChainRecord>,
        tag: DFF<Bits<6>>,
        queue: DFF<Bits<4>>,
        epoch: DFF<Bit>,
        space: DFF<Bits<4>>,
        virt_page: DFF<Bits<52>>,
        offset: DFF<Bits<12>>,
        left: DFF<Bits<20>>,
        // how much of the page is left, and where the fragment would end in it
        room: DFF<Bits<13>>,
        reach: DFF<Bits<21>>,
        fragment_last: DFF<Bit>,
        fragment_refusal: DFF<Bits<6>>,
        refused: DFF<Bit>,
        chunk_bytes: DFF<Bits<13>>,
        chunk_last: DFF<Bit>,
        more: DFF<Bit>,
        record: Signal<Local, super::records::ChainRecord>,
        entry: Signal<Local, VirtChunk>,
        drops: Signal<Local, Bits<16>>,
        drop: Signal<Local, Bit>,
        begins: Signal<Local, Bits<12>>,
        beyond: Signal<Local, Bit>,
        marks: Signal<Local, Bit>,
        broken: Signal<Local, Bit>,
        leaves: Signal<Local, Bit>,
        arrives: Signal<Local, Bit>,
        came_now: Signal<Local, super::records::ChainRecord>,
        chain_ready: Signal<Local, Bit>,
        takes_chain: Signal<Local, Bit>,
        rest: Signal<Local, Bits<20>>,
        dropped: Constant<Bits<6>> = Constant::new(CHAIN_DROPPED.to_bits()),
        page_bytes: Constant<Bits<13>> = Constant::new(4096_u64.to_bits()),
    }
}

impl Logic for Chunker {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            wants,
            recording,
            recorded,
            came,
            came_chain,
            tag,
            queue,
            epoch,
            space,
            virt_page,
            offset,
            left,
            room,
            reach,
            fragment_last,
            fragment_refusal,
            refused,
            chunk_bytes,
            chunk_last,
            more
        );
        clock!(self, clock, chains, chunks);
        self.chains.reset.next = self.reset.val();
        self.chunks.reset.next = self.reset.val();
        // Chain records pass on in order, a clock after they came: then it shows whether the chain is dropped.
        self.record.next.queue = self.chain_in.queue.val();
        self.record.next.head = self.chain_in.head.val();
        self.record.next.frame_bytes = self.chain_in.frame_bytes.val();
        self.record.next.refusal = self.chain_in.refusal.val();
        self.record.next.avail = self.chain_in.avail.val();
        self.record.next.epoch = self.chain_in.epoch.val();
        self.record.next.sent_frames = self.chain_in.sent_frames.val();
        self.chain_ready.next =
            (self.state.q.val() == ChunkState::Idle) & self.chains.in_ready.val() & !self.came.q.val();
        self.chain_in.ready.next = self.chain_ready.val();
        self.takes_chain.next = self.chain_ready.val() & self.chain_in.valid.val();
        self.came.d.next = self.takes_chain.val();
        if !self.came.q.val() {
            self.came_chain.d.next = self.record.val();
        }
        self.drops.next = self.drops_even.val();
        if self.epoch.q.val() {
            self.drops.next = self.drops_odd.val();
        }
        self.drop.next = self.drops.val().get_bit(self.queue.q.val().index());
        self.came_now.next = self.came_chain.q.val();
        if self.drop.val() {
            self.came_now.next.refusal = self.dropped.val();
        }
        self.chains.in_data.next = self.came_now.val();
        self.chains.in_valid.next = self.came.q.val();
        self.chain_out.valid.next = self.chains.out_valid.val();
        self.chains.out_ready.next = self.chain_out.ready.val();
        self.chain_out.queue.next = self.chains.out_data.val().queue;
        self.chain_out.head.next = self.chains.out_data.val().head;
        self.chain_out.frame_bytes.next = self.chains.out_data.val().frame_bytes;
        self.chain_out.refusal.next = self.chains.out_data.val().refusal;
        self.chain_out.avail.next = self.chains.out_data.val().avail;
        self.chain_out.epoch.next = self.chains.out_data.val().epoch;
        self.chain_out.sent_frames.next = self.chains.out_data.val().sent_frames;
        // The chunk being made
        self.entry.next.context = self.space.q.val();
        self.entry.next.virt_page = self.virt_page.q.val();
        self.entry.next.offset = self.offset.q.val();
        self.entry.next.bytes = self.chunk_bytes.q.val();
        self.entry.next.tag = self.tag.q.val();
        self.entry.next.queue = self.queue.q.val();
        self.entry.next.epoch = self.epoch.q.val();
        self.entry.next.last = self.chunk_last.q.val() | self.refused.q.val();
        self.entry.next.refusal = self.fragment_refusal.q.val();
        self.entry.next.marker = !self.recording.q.val();
        self.chunks.in_data.next = self.entry.val();
        self.marks.next = self.mark.val() & !self.recording.q.val();
        self.mark_taken.next = self.marks.val() & self.chunks.in_ready.val();
        self.chunks.in_valid.next = self.marks.val() | (self.recording.q.val() & !self.recorded.q.val());
        self.chunk_valid.next = self.chunks.out_valid.val();
        self.chunks.out_ready.next = self.chunk_ready.val();
        self.chunk.next = self.chunks.out_data.val();
        // Recorded first or at once, then asked for: a chunk that is recorded waits for its answer anyway.
        self.req_valid.next =
            self.recording.q.val() & (self.chunks.in_ready.val() | self.recorded.q.val()) & !self.refused.q.val();
        self.leaves.next = self.recording.q.val()
            & (self.chunks.in_ready.val() | self.recorded.q.val())
            & (self.req_ready.val() | self.refused.q.val());
        self.recorded.d.next =
            self.recording.q.val() & (self.chunks.in_ready.val() | self.recorded.q.val()) & !self.leaves.val();
        self.recording.d.next = self.recording.q.val() & !self.leaves.val();
        self.rest.next = self.left.q.val() - bit_cast::<20, 13>(self.chunk_bytes.q.val());
        self.req_context.next = self.space.q.val();
        self.req_virt_page.next = self.virt_page.q.val();
        self.fragments.ready.next = self.wants.q.val();
        self.arrives.next = self.wants.q.val() & self.fragments.valid.val();
        self.wants.d.next = self.wants.q.val() & !self.fragments.valid.val();
        // A fragment ends in its page when it reaches no further than the page's end.
        self.begins.next = self.fragments.virt_addr.val().get_bits::<12>(0);
        self.beyond.next = (self.reach.q.val().get_bits::<8>(13) != 0)
            | (self.reach.q.val().get_bit(12) & (self.reach.q.val().get_bits::<12>(0) != 0));
        self.broken.next = self.abort_valid.val() & (self.abort_tag.val() == self.tag.q.val());
        self.debug.next = 0.into();
        // Also of fragments that are dropped: nothing looks at them.
        if self.wants.q.val() {
            self.space.d.next = self.fragments.context.val();
            self.virt_page.d.next = self.fragments.virt_addr.val().get_bits::<52>(12);
            self.offset.d.next = self.fragments.virt_addr.val().get_bits::<12>(0);
            self.left.d.next = self.fragments.bytes.val();
            self.room.d.next = self.page_bytes.val() - bit_cast::<13, 12>(self.begins.val());
            self.reach.d.next = bit_cast::<21, 20>(self.fragments.bytes.val()) + bit_cast::<21, 12>(self.begins.val());
            self.fragment_refusal.d.next = self.fragments.refusal.val();
            self.refused.d.next = self.fragments.refusal.val().any();
        }

        match self.state.q.val() {
            ChunkState::Idle => {
                self.fragment_last.d.next = false;
                if !self.came.q.val() {
                    self.queue.d.next = self.chain_in.queue.val();
                    self.epoch.d.next = self.chain_in.epoch.val();
                }
                if self.takes_chain.val() & (self.chain_in.refusal.val() == 0) {
                    self.wants.d.next = true;
                    self.state.d.next = ChunkState::Load;
                }
            }
            ChunkState::Load => {
                self.debug.next = 1.into();
                self.fragment_last.d.next = self.arrives.val() & self.fragments.last.val();
                if self.came.q.val() & self.drop.val() {
                    self.state.d.next = ChunkState::Drop;
                } else if self.fragments.valid.val() {
                    self.state.d.next = ChunkState::Cut;
                }
                if self.came.q.val() & !self.drop.val() {
                    self.tag.d.next = self.tag.q.val() + 1;
                }
            }
            ChunkState::Cut => {
                self.debug.next = 2.into();
                self.chunk_bytes.d.next = self.left.q.val().get_bits::<13>(0);
                self.chunk_last.d.next = self.fragment_last.q.val();
                self.more.d.next = self.beyond.val();
                if self.beyond.val() {
                    self.chunk_bytes.d.next = self.room.q.val();
                    self.chunk_last.d.next = false;
                }
                self.recording.d.next = !self.broken.val();
                self.state.d.next = ChunkState::Record;
                if self.broken.val() {
                    self.state.d.next = ChunkState::Drop;
                }
            }
            ChunkState::Record => {
                self.debug.next = 3.into();
                self.room.d.next = self.page_bytes.val();
                self.reach.d.next = bit_cast::<21, 20>(self.rest.val());
                if self.leaves.val() {
                    self.left.d.next = self.rest.val();
                    self.virt_page.d.next = self.virt_page.q.val() + 1;
                    self.offset.d.next = 0.into();
                    self.state.d.next = ChunkState::Load;
                    self.wants.d.next = !self.more.q.val() & !self.refused.q.val() & !self.fragment_last.q.val();
                    if self.more.q.val() {
                        self.state.d.next = ChunkState::Cut;
                    }
                    if self.refused.q.val() | (self.fragment_last.q.val() & !self.more.q.val()) {
                        self.state.d.next = ChunkState::Idle;
                    }
                }
            }
            ChunkState::Drop => {
                self.debug.next = 4.into();
                if self.fragment_last.q.val() {
                    self.state.d.next = ChunkState::Idle;
                } else {
                    self.wants.d.next = !(self.arrives.val() & self.fragments.last.val());
                    self.fragment_last.d.next = self.arrives.val() & self.fragments.last.val();
                }
            }
        }
        if self.reset.val() {
            self.state.d.next = ChunkState::Idle;
            self.wants.d.next = false;
            self.recording.d.next = false;
            self.recorded.d.next = false;
            self.came.d.next = false;
            self.tag.d.next = 0.into();
        }
    }
}
