"""Why `compare` gives no verdict on a score; each goes on from "no verdict: "."""

TOO_LONG = "it would take hours to compute it again for every twentieth of the images left out"
TOO_WIDE = "leaving images out moves it several times as much as other images would"
"""What draws, cuts or clusters the images that are left anew."""
TOO_NARROW = "so few pairs of images decide it that leaving images out shows too little"
