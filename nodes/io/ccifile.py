"""``mesh cci FILE``: the indicator's own candles and CCI over a file, without any mesh."""

import csv
import sys
