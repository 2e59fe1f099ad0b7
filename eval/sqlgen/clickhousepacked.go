package sqlgen

import (
	"fmt"
	"strings"
)

// nothing stands for NULL among numbers that are laid over each other: the engine takes the
// greatest of them much faster than where some are NULL. No value comes near it.
const nothing = "toInt64(-9223372036854775807)"

// inPack is how many rows make one of Statement.Packed.
const inPack = 1 << 16

// pack writes Statement.Packed of columns that are integers and never NULL. Rows that
// travel one by one take both sides longer than most rules do.
func (g *generator) pack(columns string, from piece) {
	if !g.numbered {
		return
	}
	arrays := "toString(groupArray(" + strings.ReplaceAll(columns, ", ", ")), toString(groupArray(") + "))"
	g.packed = join("SELECT "+arrays, from, fmt.Sprintf(" GROUP BY intDiv(rowNumberInAllBlocks(), %d)", inPack)).sql
}
