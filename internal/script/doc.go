// Package script runs transcripts: text files that tell a story of a group in
// the simulated network of package world, and hold what each node then saw.
//
// A file consists of blocks. Lines that begin with # say what the story is;
// then come commands, a line of four dashes, and what the commands print, up
// to an empty line:
//
//	# A member that is killed is dropped within round trips.
//	node a wka=a
//	node b wka=a
//	start a b
//	settle
//	----
//	    0.00s  a  added a joined
//	    …
//
// A node's name is its host; its address is the name with port 1. Times are
// rounded to 10 ms. The events of a domain other than d are shown as
// node/domain. A report that says the same as an earlier one of its process
// is left out: what is tried for ever would be reported for ever.
//
// The command want says what must hold whatever is printed: it fails even
// under -rewrite.
//
// Every file is a world of its own with a fixed seed, so that a run prints
// the same on every computer. Run the tests with -rewrite to replace the
// output in the files by what is printed now, and read the difference.
package script
