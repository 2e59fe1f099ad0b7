package plan

import (
	"fmt"

	"github.com/dangol-dev/dangol/dsl/source"
)

// Unsupported is returned when an engine cannot answer a node. It is an answer:
// engines never approximate instead.
type Unsupported struct {
	Node   string      // what cannot be answered, in words
	Engine string      // who cannot, such as "clickhouse"
	Span   source.Span // where the rule asks for it
}

func (u *Unsupported) Error() string {
	return fmt.Sprintf("%s cannot answer %s", u.Engine, u.Node)
}
