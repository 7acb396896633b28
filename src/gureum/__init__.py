"""Gureum: a cloud that you own. The AWS API served by one program, in which each service does its real job."""

__version__ = "0.1.0"
