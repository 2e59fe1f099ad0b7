package message

type Trigger struct{ Group string }

func (t Trigger) validate() error { return nil }
