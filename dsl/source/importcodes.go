package source

// Codes of bringing in rules from other systems, given by package shopify.
const (
	// NoCounterpart: what is asked cannot be said in a rule.
	NoCounterpart Code = "no-counterpart"
	// MeaningDiffers: a warning, the rule asks nearly the same, and in what not.
	MeaningDiffers Code = "meaning-differs"
)
