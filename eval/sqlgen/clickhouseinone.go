package sqlgen

// InOne is of ClickHouse, where customers are told by integers: the answer of a statement
// as one row, each of whose columns is an array of integers as text. Arrays have an end:
// where there is no row, or an array has as many items as Most, something may be missing,
// all of it is to be thrown away, and Statement.Packed or Statement.SQL is to be asked.
type InOne struct {
	SQL  string // "" where there is none
	Args []any
	Most int
}

// mostInArray is how many rows go into an array: servers refuse more than 2^24.
const mostInArray = 1 << 23
