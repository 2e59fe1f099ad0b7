package main

func Example() {
	main()
	// Output:
	// joined within 7d and not orders(7d) >= 1   [1]
	// spent >= 100_000 and grade = "gold"        [4]
	// tags contains "press"                      [4]
	// points > 100                               sqlite cannot answer points, which has no column
	// mapping: records.all_orders.columns.total: the column cannot be read: SQL logic error: no such column: t.wonn (1)
}
