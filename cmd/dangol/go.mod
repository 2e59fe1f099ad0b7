module github.com/dangol-dev/dangol/cmd/dangol

go 1.26.0

require (
	github.com/alecthomas/kong v1.17.0
	github.com/dangol-dev/dangol v0.0.0
	github.com/google/go-cmp v0.7.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/alecthomas/participle/v2 v2.1.4 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	go.yaml.in/yaml/v4 v4.0.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/dangol-dev/dangol => ../..
