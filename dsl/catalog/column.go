package catalog

// Column is the values of one attribute or field, row by row: Ints of booleans
// (0, 1), numbers, amounts, instants (microseconds) and dates (days), as Value.Int
// gives them; Strings, or Codes into Dictionary, of text; Codes into Sets of sets.
// A dictionary may say the same twice.
type Column struct {
	Ints       []int64
	Strings    []string
	Codes      []uint32
	Dictionary []string
	Sets       [][]string
	Missing    []bool // nil: all are known
}

// Len is how many values there are, missing ones too.
func (c *Column) Len() int { return max(len(c.Ints), len(c.Strings), len(c.Codes)) }
