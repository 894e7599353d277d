"""From the folder of drops to typed lake tables, a partition a day.

What belongs here: what was delivered (`drops`), whether it may be loaded (`verify`), its rows with their types (`read`,
`layouts`), which are doubtful (`doubts`), what is loaded and what was set aside (`state`), and when (`assets`, `arrivals`).
What does not: what follows from the rows (`star`).
"""
