"""What the households of a grocery panel buy, and which campaigns make them use coupons."""
