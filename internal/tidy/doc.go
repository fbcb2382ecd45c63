// Package tidy holds the rules of shape that a compiler does not know: who may import whom, which packages stay
// pure, how long a file or a function may get, what must be documented, which words the project uses.
//
// It is a package of tests. Every rule is a pure function from a parsed tree to the places that break it, so that
// the same rule runs over the real tree (TestTree) and over a few lines in memory that break it on purpose: a rule
// that cannot fail proves nothing. Nothing here is called by the library.
//
// A breach is mended in the code that breaks the rule. The tables of this package are policy: changing one needs
// a decision record in docs/decisions, not merely a red build.
package tidy
