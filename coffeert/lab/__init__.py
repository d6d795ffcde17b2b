"""The lab: experiments that find where the architecture stops being sufficient, and why there."""
