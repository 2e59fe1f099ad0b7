// Package dangol answers, for a shop, "which customers, right now, and why",
// and lets the shop act on the answer.
//
// A rule is text. It is parsed, checked against the shop's vocabulary, compiled
// to a plan, and the plan is run against a store:
//
//	text --dsl.Parse--> tree --compile(catalog)--> plan --canonical--> plan
//	    --eval-->           one customer: in or out, why, until when
//	    --store.Select-->   every customer in one pass
//
// On top of that stand three services that a host wires together: package
// segment keeps groups of customers and their history, package coupon gives and
// redeems discounts, package message sends campaigns. They never import each
// other; they speak in the nouns of this package.
//
// # Packages
//
//   - dsl: rule text to a tree and back; dsl/source has positions and
//     diagnostics, dsl/catalog the vocabulary, dsl/rulefile YAML files of rules.
//   - eval: what a rule means, one customer at a time; eval/compile makes a
//     typed eval/plan from a tree and a catalog.
//   - store: the contract for customer data; store/memstore keeps it in memory,
//     store/sqlstore reads it from a database, store/csvdir from a folder of CSV
//     files, store/storetest is the conformance suite for all of them.
//   - segment, coupon, message: the services; segmentsql, couponsql and
//     messagesql beside them are their tables.
//
// This package imports nothing else of the module.
package dangol
