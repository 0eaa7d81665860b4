//! The conversations of kept packets, found by a hash.
//!
//! With many short conversations almost every packet begins one and ends another. A map of the standard library would move
//! its entries to other places again and again, and would have to hash a conversation once more to let it go. Here each stays
//! in its place until it ends, and a packet knows that place.

use std::hash::BuildHasher;

use super::conversation::{Conversation, Folding};
use super::store::NONE;

/// There are at most 72,000 packets of 232 bytes or more in 16 MiB, and no more conversations than packets.
const BUCKETS: usize = 1 << 16;

/// The packets of a conversation, chained from the oldest to the newest.
#[derive(Debug)]
pub(super) struct Queue {
    conversation: Conversation,
    pub(super) oldest: u32,
    pub(super) newest: u32,
    pub(super) len: u32,
    bucket: u16,
    /// The next queue of the bucket, or of those that are free.
    next: u32,
}

#[derive(Debug)]
pub(super) struct Queues {
    folding: Folding,
    /// The first queue of each bucket. Empty until the first conversation comes.
    buckets: Vec<u32>,
    queues: Vec<Queue>,
    free: u32,
}

impl Default for Queues {
    fn default() -> Self {
        Self { folding: Folding::default(), buckets: Vec::new(), queues: Vec::new(), free: NONE }
    }
}

impl Queues {
    pub(super) fn at(&mut self, place: u32) -> &mut Queue {
        &mut self.queues[place as usize]
    }

    /// Returns the place of a conversation's queue.
    pub(super) fn find(&self, conversation: &Conversation) -> Option<u32> {
        let first = *self.buckets.get(usize::from(self.bucket(conversation)))?;
        self.search(first, conversation)
    }

    /// Returns the place of a conversation's queue, which is new and empty if there was none.
    pub(super) fn find_or_add(&mut self, conversation: Conversation) -> u32 {
        if self.buckets.is_empty() {
            self.buckets.resize(BUCKETS, NONE);
        }
        let bucket = self.bucket(&conversation);
        let first = self.buckets[usize::from(bucket)];
        if let Some(found) = self.search(first, &conversation) {
            return found;
        }
        let queue = Queue { conversation, oldest: NONE, newest: NONE, len: 0, bucket, next: first };
        let place = if self.free == NONE {
            self.queues.push(queue);
            self.queues.len() as u32 - 1
        } else {
            let place = self.free;
            self.free = self.queues[place as usize].next;
            self.queues[place as usize] = queue;
            place
        };
        self.buckets[usize::from(bucket)] = place;
        place
    }

    /// Lets a conversation go.
    pub(super) fn remove(&mut self, place: u32) {
        let Queue { bucket, next, .. } = self.queues[place as usize];
        let first = self.buckets[usize::from(bucket)];
        if first == place {
            self.buckets[usize::from(bucket)] = next;
        } else {
            let mut before = first;
            while self.queues[before as usize].next != place {
                before = self.queues[before as usize].next;
            }
            self.queues[before as usize].next = next;
        }
        self.queues[place as usize].next = self.free;
        self.free = place;
    }

    fn bucket(&self, conversation: &Conversation) -> u16 {
        self.folding.hash_one(conversation) as u16
    }

    fn search(&self, first: u32, conversation: &Conversation) -> Option<u32> {
        let mut place = first;
        while let Some(queue) = self.queues.get(place as usize) {
            if queue.conversation == *conversation {
                return Some(place);
            }
            place = queue.next;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::packet::{Flow, Ports};

    fn conversation(number: u32) -> Conversation {
        let address = |number: u32| std::net::Ipv4Addr::from(number).into();
        let ports = Some(Ports { source: 1000, destination: 80 });
        Conversation::new(
            None,
            &Flow { source: address(number), destination: address(7), ports, protocol: 6 },
        )
    }

    #[test]
    fn each_conversation_has_a_place_of_its_own_until_it_ends() {
        let mut queues = Queues::default();
        let mut places = HashMap::new();
        let mut random = 7_u64;
        for _ in 0..300_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            // There are more than buckets, so that many share one.
            let number = 100 + (random % 140_000) as u32;
            assert_eq!(queues.find(&conversation(number)), places.get(&number).copied());
            if let Some(place) = places.remove(&number) {
                queues.remove(place);
            } else {
                places.insert(number, queues.find_or_add(conversation(number)));
            }
        }
        let distinct: std::collections::HashSet<_> = places.values().collect();
        assert_eq!(distinct.len(), places.len());
        assert!(queues.queues.len() < 140_000, "the places of those that ended are used again");
    }
}
