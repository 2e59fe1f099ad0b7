package message

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"
)

// Identity is the shop as its messages name it.
type Identity struct {
	Name    string // of the sender, as customers know it
	Contact string // a telephone number or address
	OptOut  string // how to opt out for free by text message, such as "무료수신거부 080-123-4567"
}

// render makes the message for one customer: the templates filled in, the coupon
// shown, the law's label and footer added, the length checked. It reads nothing but
// its arguments.
func (s *Service) render(c *Campaign, ct Content, contact Contact, coupon *Coupon, m Message, now time.Time) (Message, error) {
	vars, err := checkVars(contact.Vars)
	if err != nil {
		return m, err
	}
	vars["sender"], vars["contact"] = s.cfg.Sender.Name, s.cfg.Sender.Contact
	m.Channel, m.Purpose, m.Template = ct.Channel, c.Purpose, ct.Template
	fill := func(what, text string) string {
		if err != nil || !strings.ContainsAny(text, "{#") {
			return text
		}
		out, e := s.fill(text, false, vars)
		if e != nil {
			err = fmt.Errorf("%s: %w", what, e)
		}
		return out
	}
	inText := false
	if block := ct.Coupon; block != nil {
		shown := Coupon{Type: block.Type, Name: fill("coupon", block.Name), URL: fill("coupon", block.URL)}
		if coupon != nil {
			shown.Code, shown.URL = coupon.Code, coupon.URL
		}
		vars["coupon"] = map[string]any{"code": shown.Code, "url": shown.URL, "name": shown.Name}
		shown.Description = fill("coupon", block.Description)
		m.Coupon = &shown
		inText = strings.Contains(ct.Text, ".coupon")
	}
	m.Subject, m.Text, m.Image = fill("subject", ct.Subject), fill("text", ct.Text), fill("image", ct.Image)
	for _, b := range ct.Buttons {
		b = Button{fill("button", b.Label), fill("button", b.URL)}
		if err == nil {
			err = checkLink(b.URL)
		}
		m.Buttons = append(m.Buttons, b)
	}
	if err != nil {
		return m, err
	}
	if ct.HTML != "" {
		if m.HTML, err = s.fill(ct.HTML, true, vars); err != nil {
			return m, fmt.Errorf("html: %w", err)
		}
	}
	if strings.Contains(m.Subject, "\n") {
		return m, errors.New("subject: it has more than one line")
	}
	if m.Coupon != nil {
		if err := checkLink(m.Coupon.URL); err != nil {
			return m, fmt.Errorf("coupon: %w", err)
		}
		if !inText && ct.Channel != KakaoBrand {
			m.Text += couponLines(*m.Coupon)
		}
	}
	s.links(&m, now)
	s.label(c, contact, &m, now)
	return m, fit(c, &m)
}

// couponLines shows a coupon on a channel that has no block for it.
func couponLines(c Coupon) string {
	lines := []string{"", strings.Join(strings.Fields("[쿠폰] "+c.Type+" "+c.Name), " ")}
	if c.Code != "" {
		lines = append(lines, c.Code)
	}
	for _, l := range []string{c.Description, c.URL} {
		if l != "" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}

// label adds what the rules in force ask of the text.
func (s *Service) label(c *Campaign, contact Contact, m *Message, now time.Time) {
	country := contact.Country
	if country == "" {
		country = c.Country
	}
	loc, err := loadZone(s.cfg.Rules.Zones[country])
	if err != nil {
		loc = time.UTC
	}
	for _, r := range s.cfg.Rules.inForce(country, c.Purpose, m.Channel, now, loc) {
		switch r.Kind {
		case RuleLabel:
			if m.Channel == Email {
				m.Subject = labelled(r.Text, m.Subject)
			} else {
				m.Text = labelled(r.Text, m.Text)
				if m.Channel == Push && m.Subject != "" {
					m.Subject = labelled(r.Text, m.Subject)
				}
			}
		case RuleFooter:
			lines := []string{strings.TrimSpace(s.cfg.Sender.Name + " " + s.cfg.Sender.Contact)}
			if link := m.unsubscribe(); link != "" && m.Channel == Email {
				lines = append(lines, "무료수신거부 "+link)
			} else {
				lines = append(lines, s.cfg.Sender.OptOut)
			}
			m.Text = strings.TrimRight(m.Text, "\n") + "\n\n" + strings.Join(lines, "\n")
			if m.HTML != "" {
				m.HTML += htmlFooter(lines)
			}
		}
	}
}

func labelled(label, text string) string {
	if strings.HasPrefix(text, label) {
		return text
	}
	return label + " " + text
}

func htmlFooter(lines []string) string {
	var b strings.Builder
	b.WriteString("\n<hr>\n")
	for _, l := range lines {
		b.WriteString("<p>" + template.HTMLEscapeString(l) + "</p>\n")
	}
	return b.String()
}

// fit checks the length of the channels that have one, and turns a long SMS into an
// LMS where the campaign allows it.
func fit(c *Campaign, m *Message) error {
	if m.Channel != SMS && m.Channel != LMS {
		return nil
	}
	n, err := Bytes(m.Text)
	if err != nil {
		return err
	}
	subject, err := Bytes(m.Subject)
	if err != nil {
		return err
	}
	if m.Channel == SMS && n > MaxSMS && c.AllowLMS {
		m.Channel = LMS
	}
	switch {
	case m.Channel == SMS && n > MaxSMS:
		return fmt.Errorf("the text has %d bytes, an SMS at most %d", n, MaxSMS)
	case m.Channel == LMS && n > MaxLMS:
		return fmt.Errorf("the text has %d bytes, an LMS at most %d", n, MaxLMS)
	case m.Channel == LMS && subject > MaxLMSSubject:
		return fmt.Errorf("the subject has %d bytes, that of an LMS at most %d", subject, MaxLMSSubject)
	}
	return nil
}

// checkLink allows only links that a phone opens in a browser or the shop's app.
func checkLink(link string) error {
	if link == "" {
		return nil
	}
	u, err := url.Parse(link)
	if err != nil || u.Scheme == "" {
		return fmt.Errorf("%q is no complete link", link)
	}
	if slices.Contains([]string{"javascript", "data", "vbscript", "file", "blob"}, strings.ToLower(u.Scheme)) {
		return fmt.Errorf("a link may not start with %s:", u.Scheme)
	}
	return nil
}

// checkContent says what is wrong with a content before anybody gets it.
func checkContent(c Campaign, ct Content, cfg Config) (wrong []string) {
	say := func(err error) {
		if err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	if ct.Channel == "" {
		say(errors.New("no channel"))
	}
	if _, ok := cfg.Senders[ct.Channel]; !ok && ct.Channel != "" {
		say(errors.New("no sender is configured for the channel"))
	}
	if c.Purpose == Advertising && ct.Channel == Alimtalk {
		say(errors.New("the channel does not carry advertising"))
	}
	for _, r := range cfg.Rules.Rules {
		if r.Kind != RuleFooter || r.Country != c.Country || r.Purpose != c.Purpose {
			continue
		}
		if optOut := cfg.Sender.OptOut != "" || ct.Channel == Email && cfg.Links != nil; cfg.Sender.Name == "" || !optOut {
			say(fmt.Errorf("rule %s asks for the sender's name and a way to opt out, and Config.Sender has none", r.ID))
		}
		break
	}
	if ct.Text == "" && ct.HTML == "" && ct.Template == "" {
		say(errors.New("no text"))
	}
	if ct.Channel == Email && ct.Subject == "" {
		say(errors.New("no subject"))
	}
	parts := []string{ct.Subject, ct.Text, ct.Image}
	for _, b := range ct.Buttons {
		if b.Label == "" || b.URL == "" {
			say(errors.New("a button without label or URL"))
		}
		parts = append(parts, b.Label, b.URL)
	}
	if b := ct.Coupon; b != nil {
		if (b.Definition == "") == (b.URL == "") {
			say(errors.New("a coupon block wants a definition or a URL"))
		}
		if b.Definition != "" && cfg.Coupons == nil {
			say(errors.New("a coupon is to be issued, but no Coupons are configured"))
		}
		parts = append(parts, b.Name, b.URL, b.Description)
	}
	for _, p := range parts {
		_, err := parseTemplate(p, cfg.Variables, false)
		say(err)
	}
	if ct.HTML != "" {
		_, err := parseTemplate(ct.HTML, cfg.Variables, true)
		say(err)
	}
	if ct.Channel == SMS || ct.Channel == LMS {
		// What is the same for everybody can be counted now; branches and loops cannot.
		if branching.MatchString(ct.Text) {
			return wrong
		}
		if n, err := Bytes(staticText(ct.Text)); err != nil {
			say(err)
		} else if limit := limitOf(c, ct.Channel); n > limit {
			say(fmt.Errorf("the text has %d bytes without its variables, of at most %d", n, limit))
		}
	}
	return wrong
}

var branching = regexp.MustCompile(`\{\{-?\s*(if|range)\b`)

func limitOf(c Campaign, ch Channel) int {
	if ch == SMS && !c.AllowLMS {
		return MaxSMS
	}
	return MaxLMS
}

// staticText is the text outside of variables.
func staticText(text string) string {
	text = koreanVariable.ReplaceAllString(text, "")
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		_, text, _ = strings.Cut(rest, "}}")
	}
}

// address is where a channel reaches the contact. Messages by telephone number need
// it once only.
func (c Contact) address(ch Channel) string {
	if a := c.Addresses[ch]; a != "" {
		return a
	}
	switch ch {
	case LMS, Alimtalk, KakaoBrand:
		return c.Addresses[SMS]
	}
	return ""
}
