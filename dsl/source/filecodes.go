package source

// Codes of files of rules and catalogs, given by package rulefile, beside those
// of the rules that stand in them.
const (
	// BadFile: the file is not YAML, or not the kind of document that is expected.
	BadFile Code = "bad-file"
	// UnknownField: a field that does not exist there.
	UnknownField Code = "unknown-field"
	// MissingField: a field that has to be there is not.
	MissingField Code = "missing-field"
	// BadField: a field holds what it cannot, such as a list for a name.
	BadField Code = "bad-field"
	// Duplicate: two fields, or two entries of a list, bear one name.
	Duplicate Code = "duplicate"
	// BadDeclaration: a catalog declares what cannot be, or contradicts itself.
	BadDeclaration Code = "bad-declaration"
)
