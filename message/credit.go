package message

// Prices are the credits that a message costs, a channel. A channel without a price
// is free.
type Prices map[Channel]int64

func (p Prices) of(ch Channel) int64 { return p[ch] }
