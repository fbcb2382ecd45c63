package rows

// All returns the rows of the table, in order.
func All() []Row {
	return []Row{killedRow, stoppedRow, cutRow, leaveRow, startRow, idleRow, manyRow, lateRow, healRow, movedRow, hungRow, readerRow,
		lossyRow, flipRow, quickLossyRow, pausesRow, hogRow, attackRow, noUDPRow}
}

// Frontier returns the row of the picture: one point for each subject.
func Frontier() []Row { return []Row{frontierRow} }
