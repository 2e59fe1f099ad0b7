// Command bench measures this module's engines beside their peers, on one made-up
// shop, in one run, interleaved, and checks that all give the same members.
//
//	go run . -customers 1000000 -peers duckdb,postgres -rounds 5 -json out.json
//
// It is a module of its own, so that a host of the library never downloads a peer.
package main
