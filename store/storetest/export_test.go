package storetest

// Cases are the names of the contract's cases.
func Cases() []string {
	var out []string
	for _, one := range contract() {
		out = append(out, one.name)
	}
	return out
}
