//! A second DEFLATE decoder (RFC 1951), slow and plain: it says how far back a stream refers, which zlib does not.

/// Decodes blocks until `input` ends at a byte boundary after a block. The output, and the largest distance.
pub(crate) fn inflate(input: &[u8], history: &[u8]) -> (Vec<u8>, usize) {
    let mut bits = Bits { input, at: 0 };
    let (mut out, mut farthest) = (history.to_vec(), 0);
    while bits.remaining() >= 8 {
        assert_eq!(bits.take(1), 0, "our own streams have no final block");
        match bits.take(2) {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                let (len, complement) = (bits.take(16), bits.take(16));
                assert_eq!(len ^ 0xffff, complement);
                out.extend((0..len).map(|_| bits.take(8) as u8));
            }
            1 => {
                let mut lengths = [8; 288];
                lengths[144..256].fill(9);
                lengths[256..280].fill(7);
                block(&mut bits, &Code::new(&lengths), &Code::new(&[5; 30]), &mut out, &mut farthest);
            }
            2 => {
                let (literals, distances, codes) = (bits.take(5) + 257, bits.take(5) + 1, bits.take(4) + 4);
                let mut lengths = [0; 19];
                for at in
                    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15].iter().take(codes)
                {
                    lengths[*at] = bits.take(3) as u8;
                }
                let code = Code::new(&lengths);
                let mut lengths = Vec::new();
                while lengths.len() < literals + distances {
                    let (value, times) = match code.read(&mut bits) {
                        16 => (*lengths.last().unwrap(), 3 + bits.take(2)),
                        17 => (0, 3 + bits.take(3)),
                        18 => (0, 11 + bits.take(7)),
                        length => (length as u8, 1),
                    };
                    lengths.extend(std::iter::repeat_n(value, times));
                }
                let (literals, distances) = lengths.split_at(literals);
                block(&mut bits, &Code::new(literals), &Code::new(distances), &mut out, &mut farthest);
            }
            _ => panic!("reserved block type"),
        }
    }
    (out.split_off(history.len()), farthest)
}

fn block(bits: &mut Bits<'_>, literals: &Code, distances: &Code, out: &mut Vec<u8>, farthest: &mut usize) {
    loop {
        let length = match literals.read(bits) {
            256 => return,
            literal @ 0..256 => {
                out.push(literal as u8);
                continue;
            }
            symbol @ 257..265 => symbol - 254,
            285 => 258,
            symbol => {
                let extra = (symbol - 261) / 4;
                3 + ((4 + (symbol - 265) % 4) << extra) + bits.take(extra)
            }
        };
        let distance = match distances.read(bits) {
            symbol @ 0..4 => symbol + 1,
            symbol => {
                let extra = symbol / 2 - 1;
                1 + ((2 + symbol % 2) << extra) + bits.take(extra)
            }
        };
        *farthest = distance.max(*farthest);
        for _ in 0..length {
            out.push(out[out.len() - distance]);
        }
    }
}

struct Bits<'a> {
    input: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> usize {
        (0..count).fold(0, |value, shift| {
            let bit = self.input[self.at / 8] >> (self.at % 8) & 1;
            self.at += 1;
            value | usize::from(bit) << shift
        })
    }

    fn remaining(&self) -> usize {
        self.input.len() * 8 - self.at
    }
}

/// A canonical Huffman code: for each length, the first code and its symbols.
struct Code {
    lengths: Vec<(usize, Vec<usize>)>,
}

impl Code {
    fn new(lengths: &[u8]) -> Self {
        let mut first = 0;
        let lengths = (1..16).map(|length| {
            first <<= 1;
            let symbols: Vec<usize> =
                (0..lengths.len()).filter(|&symbol| lengths[symbol] == length).collect();
            let start = first;
            first += symbols.len();
            (start, symbols)
        });
        Self { lengths: lengths.collect() }
    }

    fn read(&self, bits: &mut Bits<'_>) -> usize {
        let mut code = 0;
        for (first, symbols) in &self.lengths {
            code = code << 1 | bits.take(1);
            if let Some(symbol) = code.checked_sub(*first).and_then(|at| symbols.get(at)) {
                return *symbol;
            }
        }
        panic!("no such code");
    }
}
