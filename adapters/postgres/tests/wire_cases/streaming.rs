//! Big results in little memory.

use std::task::Poll;

use fluxbase_postgres::wire::{Pool, RowPart, Statement};

use super::{ask, pool, read, statement, tcp_target};
use crate::cluster::cluster;

const LITTLE: usize = 512 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn half_a_million_rows_flow_through_a_small_buffer() {
    let pool = pool("many_rows", 1);
    let main = statement("select n, repeat('x', 100) from generate_series(1, 500000) n");
    let mut stream = pool.run(&read(&[], main)).await.unwrap();
    let (mut rows, mut at_once) = (0_u32, 0_u32);
    loop {
        let part = match stream.try_next() {
            Poll::Ready(part) => {
                at_once += 1;
                part.unwrap()
            }
            Poll::Pending => stream.next().await.unwrap(),
        };
        let Some(RowPart::Row(row)) = part else { break };
        rows += 1;
        assert_eq!(row.get(0).unwrap(), rows.to_string());
    }
    assert_eq!((rows, stream.affected_rows()), (500_000, Some(500_000)));
    assert!(stream.buffer_high_water() <= LITTLE, "{}", stream.buffer_high_water());
    assert!(at_once > rows / 10 * 9, "most rows cost no await: {at_once}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_50_megabytes_comes_in_pieces() {
    let mut pools = vec![pool("big_row", 1)];
    if cluster().tls {
        let target = tcp_target("big_row_tls", "127.0.0.1", fluxbase_postgres::wire::TlsMode::Require);
        pools.push(Pool::new(target, super::options(1)).unwrap());
    }
    for pool in pools {
        let sql = "select n, null, repeat(chr(64 + n), 50000000), 'end' from generate_series(1, 2) n union all select 3, null, 'small', 'end'";
        let mut stream = pool.run(&read(&[], statement(sql))).await.unwrap();
        let (mut sizes, mut largest, mut small) = ([0; 3], 0, vec![]);
        while let Some(part) = stream.next().await.unwrap() {
            match part {
                RowPart::Row(row) => sizes[2] = row.get(2).unwrap().len(),
                RowPart::Piece(piece) if piece.column == 2 => {
                    let bytes = piece.bytes.unwrap();
                    let row = usize::from(bytes[0] - b'A');
                    assert!(bytes.iter().all(|byte| *byte == bytes[0]));
                    assert_eq!(piece.first, sizes[row] == 0);
                    sizes[row] += bytes.len();
                    assert_eq!(piece.last, sizes[row] == 50_000_000);
                    largest = largest.max(bytes.len());
                }
                RowPart::Piece(piece) => small.push((piece.column, piece.bytes, piece.ends_row)),
            }
        }
        assert_eq!(sizes, [50_000_000, 50_000_000, 5]);
        assert_eq!(small.len(), 6);
        assert_eq!(small[4], (1, None, false));
        assert_eq!(small[5], (3, Some("end".into()), true));
        assert!(largest <= LITTLE && stream.buffer_high_water() <= LITTLE, "{largest} {}", stream.buffer_high_water());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn big_parameters_pass_while_the_server_still_talks() {
    let pool = pool("big_parameters", 1);
    let text = "y".repeat(20_000_000);
    let params = [Some(text.as_str())];
    let talk = [statement("select repeat('x', 5000000) from generate_series(1, 4)")];
    let main = Statement { sql: "select length($1::text)", params: &params };
    assert_eq!(ask(&pool, read(&talk, main)).await.unwrap(), [[Some("20000000".to_owned())]]);
    assert_eq!(pool.stats().idle, 1);
}
