<?php
// Send the coffee orders with PHP's curl extension on one handle.
$url = $argv[1];
$handle = curl_init();
curl_setopt($handle, CURLOPT_RETURNTRANSFER, true);
$order = json_encode(["store" => "uptown", "drink" => "latte", "quantity" => 2]);
$lines = "{\"store\":\"uptown\",\"drink\":\"latte\",\"quantity\":2}\n{\"store\":\"uptown\",\"drink\":\"mocha\",\"quantity\":1}\n";
foreach ([["", $order, "json"], ["", $order, "json"], ["/batch", $lines, "x-ndjson"]] as [$path, $body, $type]) {
    curl_setopt($handle, CURLOPT_URL, "$url/api/orders$path");
    curl_setopt($handle, CURLOPT_POSTFIELDS, $body);
    curl_setopt($handle, CURLOPT_HTTPHEADER, ["Content-Type: application/$type"]);
    curl_exec($handle);
}
curl_setopt($handle, CURLOPT_HTTPHEADER, []);
curl_setopt($handle, CURLOPT_HTTPGET, true);
curl_setopt($handle, CURLOPT_URL, "$url/api/menu");
curl_exec($handle);
