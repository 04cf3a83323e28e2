//! The longest way through a graph, by weight: how much a program executes at most, how often a loop comes round.
//!
//! The graph is what a walk over all paths met: where a path ended because an earlier one covers what it found, an edge
//! leads to that one's vertex. Each run of the program follows a way through it, so the longest way bounds all runs. A
//! cycle has no longest way, unless whoever asks knows how often it is gone round.

use super::{Bound, Unbounded};

/// Index of a vertex.
pub(crate) type VertexId = u32;

/// An instruction's slot, and how many frames are below the running one.
pub(crate) type Place = (u32, u8);

/// What an edge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// The path goes on there.
    On,
    /// It goes on where it has been before.
    Round,
    /// What is there is called: it is executed too, and then the path goes on.
    Call,
}

/// Edges by vertex.
pub(crate) struct Graph {
    /// Where each vertex's edges begin in `to`; one more than there are vertices.
    first: Vec<u32>,
    to: Vec<(VertexId, Edge)>,
    places: Vec<Place>,
}

impl Graph {
    /// Sorts edges by where they start.
    pub(crate) fn new(places: Vec<Place>, edges: &[(VertexId, VertexId, Edge)]) -> Graph {
        let mut first = vec![0u32; places.len() + 1];
        for (from, ..) in edges {
            first[*from as usize + 1] += 1;
        }
        for index in 1..first.len() {
            first[index] += first[index - 1];
        }
        let mut free = first.clone();
        let mut to = vec![(0, Edge::On); edges.len()];
        for &(from, target, edge) in edges {
            let place = &mut free[from as usize];
            to[*place as usize] = (target, edge);
            *place += 1;
        }
        Graph { first, to, places }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Vertices and edges.
    pub(crate) fn size(&self) -> usize {
        self.places.len() + self.to.len()
    }

    pub(crate) fn place(&self, vertex: VertexId) -> Place {
        self.places[vertex as usize]
    }

    fn edges(&self, vertex: VertexId) -> &[(VertexId, Edge)] {
        &self.to[self.first[vertex as usize] as usize..self.first[vertex as usize + 1] as usize]
    }
}

/// What is known of a cycle that has a weight.
pub(crate) enum Cycle {
    /// It comes round to this place so often at most.
    Rounds {
        /// The place; one that an edge of the cycle comes round to.
        place: Place,
        /// How often.
        times: u64,
    },
    /// There is no bound.
    Unbounded(Unbounded),
}

/// What is asked of a graph.
pub(crate) struct Longest<'a> {
    pub(crate) graph: &'a Graph,
    /// How heavy a vertex is.
    pub(crate) weight: &'a dyn Fn(VertexId) -> Bound,
    /// Whether what is called counts.
    pub(crate) with_calls: bool,
    /// Whether ways end before this vertex; others begin there.
    pub(crate) is_cut: &'a dyn Fn(VertexId) -> bool,
    /// What is known of the cycles among these vertices, which come round to these places.
    pub(crate) cycle: &'a dyn Fn(&[VertexId], &[Place]) -> Cycle,
}

/// Marks a vertex that has no number, or belongs to nothing.
const NONE: u32 = u32::MAX;

/// Where an answer is worked out.
struct Work<'a, 'q> {
    question: &'q Longest<'a>,
    value: Vec<Bound>,
    /// Which question each vertex belongs to now: cycles are opened, and what is left is asked again.
    scope: Vec<u32>,
    scopes: u32,
    component: Vec<u32>,
    /// The order in which a search met vertices, and the first that it can get back to from each.
    number: Vec<u32>,
    low: Vec<u32>,
    /// Places to which no edge comes round any more.
    opened: Vec<Place>,
}

impl Longest<'_> {
    /// The weight of the heaviest way that begins at each vertex.
    pub(crate) fn answer(&self) -> Vec<Bound> {
        let vertices = self.graph.len();
        let mut work = Work {
            question: self,
            value: vec![Bound::AtMost(0); vertices],
            scope: vec![NONE; vertices],
            scopes: 0,
            component: vec![NONE; vertices],
            number: vec![NONE; vertices],
            low: vec![0; vertices],
            opened: Vec::new(),
        };
        let all: Vec<VertexId> = (0..vertices as u32).collect();
        work.solve(&all);
        work.value
    }
}

impl Work<'_, '_> {
    /// The values of these vertices, as far as ways stay among them.
    fn solve(&mut self, members: &[VertexId]) {
        let scope = self.scopes;
        self.scopes += 1;
        for &member in members {
            self.scope[member as usize] = scope;
        }
        // Components come after those that their edges lead to.
        let Components { members, ends } = self.components(members, scope);
        let mut start = 0;
        for end in ends {
            let component = &members[start..end];
            let value = self.component_value(component, scope);
            for &member in component {
                self.value[member as usize] = value;
            }
            start = end;
        }
    }

    /// Whether ways within a scope may take an edge.
    fn is_open(&self, to: VertexId, edge: Edge, scope: u32) -> bool {
        self.scope[to as usize] == scope
            && !(self.question.is_cut)(to)
            && match edge {
                Edge::On => true,
                Edge::Round => !self.opened.contains(&self.question.graph.place(to)),
                Edge::Call => self.question.with_calls,
            }
    }

    /// Where ways within a scope may go on.
    fn ways(&self, vertex: VertexId, scope: u32) -> Vec<VertexId> {
        let edges = self.question.graph.edges(vertex).iter();
        edges.filter(|(to, edge)| self.is_open(*to, *edge, scope)).map(|(to, _)| *to).collect()
    }

    /// The value that all of a component have.
    fn component_value(&mut self, members: &[VertexId], scope: u32) -> Bound {
        let number = self.component[members[0] as usize];
        let mut beyond = Bound::AtMost(0);
        let mut places = Vec::new();
        let mut is_cycle = false;
        let mut weight = Bound::AtMost(0);
        for &member in members {
            weight = weight.plus((self.question.weight)(member));
            for &(to, edge) in self.question.graph.edges(member) {
                if edge == Edge::Call {
                    // No function calls itself: what is called has its value, in whatever scope it is.
                    if self.question.with_calls {
                        weight = weight.plus(self.value[to as usize]);
                    }
                    continue;
                }
                if !self.is_open(to, edge, scope) {
                    continue;
                }
                if self.component[to as usize] != number {
                    beyond = beyond.max(self.value[to as usize]);
                    continue;
                }
                is_cycle = true;
                let place = self.question.graph.place(to);
                if edge == Edge::Round && !places.contains(&place) {
                    places.push(place);
                }
            }
        }
        if !is_cycle || weight == Bound::AtMost(0) {
            return weight.plus(beyond);
        }
        match (self.question.cycle)(members, &places) {
            Cycle::Rounds { place, times } if places.contains(&place) => {
                self.opened.push(place);
                self.solve(members);
                self.opened.pop();
                let longest = members.iter().map(|m| self.value[*m as usize]);
                let round = longest.fold(Bound::AtMost(0), Bound::max);
                for &member in members {
                    self.scope[member as usize] = scope;
                    self.component[member as usize] = number;
                }
                round.times(times.saturating_add(1)).plus(beyond)
            }
            Cycle::Rounds { place, .. } => Bound::Unbounded(Unbounded::at(place.0)),
            Cycle::Unbounded(why) => Bound::Unbounded(why),
        }
    }

    /// Tarjan's strongly connected components.
    fn components(&mut self, members: &[VertexId], scope: u32) -> Components {
        let mut found = Components::default();
        for &member in members {
            self.number[member as usize] = NONE;
            self.component[member as usize] = NONE;
        }
        let mut search = Search { stack: Vec::new(), next: 0 };
        // A vertex, and the edges that are still to be followed.
        let mut chain: Vec<(VertexId, Vec<VertexId>)> = Vec::new();
        for &root in members {
            if self.number[root as usize] != NONE {
                continue;
            }
            self.enter(root, &mut search);
            chain.push((root, self.ways(root, scope)));
            while let Some((vertex, ways)) = chain.last_mut() {
                let vertex = *vertex as usize;
                let Some(to) = ways.pop() else {
                    chain.pop();
                    if let Some((below, _)) = chain.last() {
                        let below = *below as usize;
                        self.low[below] = self.low[below].min(self.low[vertex]);
                    }
                    if self.low[vertex] == self.number[vertex] {
                        self.leave(vertex as VertexId, &mut search, &mut found);
                    }
                    continue;
                };
                if self.number[to as usize] == NONE {
                    self.enter(to, &mut search);
                    chain.push((to, self.ways(to, scope)));
                } else if self.component[to as usize] == NONE {
                    self.low[vertex] = self.low[vertex].min(self.number[to as usize]);
                }
            }
        }
        found
    }

    fn enter(&mut self, vertex: VertexId, search: &mut Search) {
        self.number[vertex as usize] = search.next;
        self.low[vertex as usize] = search.next;
        search.next += 1;
        search.stack.push(vertex);
    }

    /// A component is complete: everything from its first vertex on.
    fn leave(&mut self, vertex: VertexId, search: &mut Search, found: &mut Components) {
        let start = search.stack.iter().rposition(|v| *v == vertex).unwrap_or_default();
        let number = found.ends.len() as u32;
        for member in search.stack.drain(start..) {
            self.component[member as usize] = number;
            found.members.push(member);
        }
        found.ends.push(found.members.len());
    }
}

/// A search in depth.
struct Search {
    stack: Vec<VertexId>,
    next: u32,
}

/// Components, one after another.
#[derive(Default)]
struct Components {
    members: Vec<VertexId>,
    /// Where each ends in `members`.
    ends: Vec<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(values: &[Bound], vertex: usize) -> Option<u64> {
        match values[vertex] {
            Bound::AtMost(most) => Some(most),
            Bound::Unbounded(_) => None,
        }
    }

    fn ask(graph: &Graph, weights: &[u64], cycle: &dyn Fn(&[VertexId], &[Place]) -> Cycle) -> Vec<Bound> {
        let weight = |v: VertexId| Bound::AtMost(weights[v as usize]);
        Longest { graph, weight: &weight, with_calls: true, is_cut: &|_| false, cycle }.answer()
    }

    fn never(_: &[VertexId], _: &[Place]) -> Cycle {
        Cycle::Unbounded(Unbounded::at(0))
    }

    #[test]
    fn the_heavier_of_two_ways_counts() {
        let places = vec![(0, 0); 4];
        let graph =
            Graph::new(places, &[(0, 1, Edge::On), (0, 2, Edge::On), (1, 3, Edge::On), (2, 3, Edge::On)]);
        let values = ask(&graph, &[1, 10, 3, 2], &never);
        assert_eq!((bound(&values, 0), bound(&values, 2), bound(&values, 3)), (Some(13), Some(5), Some(2)));
    }

    #[test]
    fn what_is_called_counts_besides_what_follows() {
        let edges = [(0, 1, Edge::On), (0, 2, Edge::Call), (2, 3, Edge::On)];
        let graph = Graph::new(vec![(0, 0); 4], &edges);
        assert_eq!(bound(&ask(&graph, &[1, 2, 4, 8], &never), 0), Some(15));
    }

    #[test]
    fn cycles_have_a_bound_only_if_they_weigh_nothing_or_somebody_knows_it() {
        let edges = [(0, 1, Edge::On), (1, 2, Edge::On), (2, 1, Edge::Round), (1, 3, Edge::On)];
        let graph = Graph::new(vec![(0, 0), (1, 0), (2, 1), (3, 0)], &edges);
        assert_eq!(bound(&ask(&graph, &[1, 1, 1, 1], &never), 0), None);
        assert_eq!(bound(&ask(&graph, &[1, 1, 1, 1], &never), 3), Some(1));
        assert_eq!(bound(&ask(&graph, &[1, 0, 0, 1], &never), 0), Some(2));
        let ten = |_: &[VertexId], places: &[Place]| {
            assert_eq!(places, [(1, 0)]);
            Cycle::Rounds { place: (1, 0), times: 10 }
        };
        // Eleven times the call and its callback, at most: 1 before, 1 after.
        assert_eq!(bound(&ask(&graph, &[1, 1, 1, 1], &ten), 0), Some(1 + 22 + 1));
    }

    #[test]
    fn without_cycles_the_answer_is_that_of_trying_all_ways() {
        fn try_all(vertex: u32, edges: &[(u32, u32, Edge)], weights: &[u64]) -> u64 {
            let next = edges.iter().filter(|e| e.0 == vertex).map(|e| try_all(e.1, edges, weights));
            weights[vertex as usize] + next.max().unwrap_or_default()
        }
        arbtest::arbtest(|u| {
            let count = u.int_in_range(1..=9u32)?;
            let mut edges = Vec::new();
            for from in 0..count {
                for to in from + 1..count {
                    if u.ratio(1u8, 3u8)? {
                        edges.push((from, to, Edge::On));
                    }
                }
            }
            let weights: Vec<u64> =
                (0..count).map(|_| u.int_in_range(0..=20u64)).collect::<Result<_, _>>()?;
            let graph = Graph::new(vec![(0, 0); count as usize], &edges);
            let values = ask(&graph, &weights, &never);
            for vertex in 0..count {
                assert_eq!(bound(&values, vertex as usize), Some(try_all(vertex, &edges, &weights)));
            }
            Ok(())
        })
        .budget_ms(100)
        .run();
    }
}
