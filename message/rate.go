package message

import (
	"math"
	"time"
)

// A channel's rate is one row that all processes share: the instant until which the
// channel is booked (the generic cell rate algorithm). A tenth of the messages may go
// out at once and the rest flows evenly, so that no stretch of Per holds more than
// Messages.

// places is how many messages the channel takes now, and when the next one is free.
func (s *Service) places(tx Tx, ch Channel, now time.Time) (n int, free time.Time, err error) {
	rate, ok := s.cfg.Rates[ch]
	if !ok {
		return math.MaxInt, now, nil
	}
	booked, _, err := get[counterRow](tx, "rate/"+string(ch))
	from := later(fromMicros(booked.Value), now)
	burst := time.Duration(rate.burst()) * rate.step()
	room := burst - from.Sub(now)
	return max(0, int(room/rate.step())), from.Add(rate.step() - burst), err
}

func (r Rate) per() time.Duration {
	if r.Per == 0 {
		return time.Second
	}
	return r.Per
}

func (r Rate) burst() int { return max(1, r.Messages/10) }

// step is the time between two messages of the even flow.
func (r Rate) step() time.Duration {
	flow := max(1, r.Messages-r.burst())
	return (r.per()/time.Duration(flow) + time.Microsecond).Truncate(time.Microsecond)
}

// place takes a place in the submit's own transaction. Without one the verdict becomes
// a Hold.
func (s *Service) place(tx Tx, r *claimed, now time.Time) error {
	ch := r.msg.Channel
	rate, ok := s.cfg.Rates[ch]
	if !ok {
		return nil
	}
	n, free, err := s.places(tx, ch, now)
	if err != nil {
		return err
	}
	if n == 0 {
		r.verdict.Decision, r.verdict.Reason, r.verdict.Until = Hold, ReasonRate, free
		return nil
	}
	name := "rate/" + string(ch)
	booked, _, err := get[counterRow](tx, name)
	if err != nil {
		return err
	}
	booked.Name, booked.Value = name, later(fromMicros(booked.Value), now).Add(rate.step()).UnixMicro()
	return put(tx, &booked)
}
