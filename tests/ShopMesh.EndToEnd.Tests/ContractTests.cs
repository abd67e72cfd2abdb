using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ShopMesh.Hosting;

namespace ShopMesh.EndToEnd.Tests;

/// <summary>The public API as docs/api.md has it, from outside, a test a row.</summary>
[Trait("Category", "Contract")]
public sealed partial class ContractTests(WholeShop shop)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Signing_in_gives_a_signed_token_with_the_subject_and_the_role()
    {
        var answer = await TokenAsync(new() { ["grant_type"] = "password", ["client_id"] = "shopmesh", ["username"] = "admin@example.com", ["password"] = Shopper.DemoPassword, ["scope"] = "offline_access" });

        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal("Bearer", (string)answer.Body["token_type"]!);
        Assert.InRange((int)answer.Body["expires_in"]!, 3_500, 3_600);
        var claims = ClaimsOf((string)answer.Body["access_token"]!);
        Assert.NotEmpty((string)claims["sub"]!);
        Assert.Equal("admin", claims["role"] is JsonArray roles ? (string)roles[0]! : (string)claims["role"]!);

        var refreshed = await TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = "shopmesh", ["refresh_token"] = (string)answer.Body["refresh_token"]! });
        Assert.Equal(HttpStatusCode.OK, refreshed.Status);
        Assert.NotEqual((string)answer.Body["refresh_token"]!, (string)refreshed.Body["refresh_token"]!);
        Assert.Equal((string)claims["sub"]!, (string)ClaimsOf((string)refreshed.Body["access_token"]!)["sub"]!);
    }

    [Theory]
    [InlineData("password", "alice@example.com", "wrong", "invalid_grant")]
    [InlineData("password", "nobody@example.com", "wrong", "invalid_grant")]
    [InlineData("magic", "alice@example.com", Shopper.DemoPassword, "unsupported_grant_type")]
    [InlineData("password", "", "", "invalid_request")]
    public async Task Signing_in_wrongly_is_answered_as_RFC_6749_has_it(string grant, string user, string password, string error)
    {
        var answer = await TokenAsync(new() { ["grant_type"] = grant, ["client_id"] = "shopmesh", ["username"] = user, ["password"] = password });

        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Equal(error, (string)answer.Body["error"]!);
    }

    [Fact]
    public async Task Discovery_and_keys_are_public()
    {
        using var visitor = Shopper.Visitor(shop.Gateway);

        Assert.NotEmpty((string)(await visitor.GetAsync("/.well-known/openid-configuration"))["issuer"]!);
        Assert.NotEmpty((await visitor.GetAsync("/.well-known/jwks"))["keys"]!.AsArray());
    }

    [Fact]
    public async Task An_account_is_made_once_per_address()
    {
        using var visitor = Shopper.Visitor(shop.Gateway);
        var email = $"{Guid.NewGuid():N}@example.com";

        using var made = await visitor.PostAsync("/api/accounts", new { email, password = "abcdefg1", name = "New" });
        using var taken = await visitor.PostAsync("/api/accounts", new { email = email.ToUpperInvariant(), password = "abcdefg1", name = "New" });

        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        await taken.ShouldBeProblemAsync(HttpStatusCode.Conflict);
    }

    [Fact]
    public async Task My_account_says_who_I_am()
    {
        using var admin = await Shopper.SignInAsync(shop.Gateway, "admin@example.com");

        var me = await admin.GetAsync("/api/accounts/me");

        Assert.NotEmpty((string)me["id"]!);
        Assert.NotEmpty((string)me["name"]!);
        Assert.Equal(("admin@example.com", "admin"), ((string)me["email"]!, (string)me["roles"]![0]!));
    }

    [Theory]
    [InlineData("", "name")]
    [InlineData("&sort=name", "name")]
    [InlineData("&sort=price", "price")]
    [InlineData("&sort=-price", "-price")]
    public async Task Products_are_listed_page_by_page_in_the_order_asked_for(string query, string order)
    {
        using var visitor = Shopper.Visitor(shop.Gateway);
        List<JsonNode> products = [];
        string? cursor = null;
        do
        {
            var page = await visitor.GetAsync($"/api/catalog/products?limit=33{query}{(cursor is null ? "" : $"&cursor={cursor}")}");
            Assert.InRange(page["items"]!.AsArray().Count, 0, 33);
            products.AddRange(page["items"]!.AsArray().Select(product => product!));
            cursor = (string?)page["nextCursor"];
        }
        while (cursor is not null);

        Assert.True(products.Count >= 100, $"There are {products.Count} products.");
        Assert.Equal(products.Count, products.Select(product => (string)product["id"]!).Distinct().Count());
        var sorted = order switch
        {
            "price" => products.OrderBy(product => product["price"]!.Amount()),
            "-price" => products.OrderByDescending(product => product["price"]!.Amount()),
            _ => products.OrderBy(product => (string)product["name"]!, StringComparer.Ordinal),
        };
        Assert.Equal(sorted, products);
    }

    [Fact]
    public async Task Products_are_searched_and_filtered()
    {
        using var visitor = Shopper.Visitor(shop.Gateway);
        var category = (string)(await visitor.GetAsync("/api/catalog/categories"))["items"]![0]!["id"]!;

        var found = (await visitor.GetAsync("/api/catalog/products?query=oak&sort=relevance"))["items"]!.AsArray();
        var filtered = (await visitor.GetAsync($"/api/catalog/products?category={category}&limit=100"))["items"]!.AsArray();

        Assert.NotEmpty(found);
        Assert.All(found, product => Assert.Contains("oak", $"{product!["name"]} {product["brand"]} {product["description"]}", StringComparison.OrdinalIgnoreCase));
        Assert.NotEmpty(filtered);
        Assert.All(filtered, product => Assert.Equal(category, (string)product!["category"]!));
    }

    [Fact]
    public async Task A_product_has_a_picture_and_a_strong_ETag()
    {
        using var visitor = Shopper.Visitor(shop.Gateway);
        var id = (string)(await visitor.GetAsync("/api/catalog/products?limit=1"))["items"]![0]!["id"]!;

        using var response = await visitor.SendAsync(HttpMethod.Get, $"/api/catalog/products/{id}");
        var product = (await response.ReadAsync())!;
        using var again = await visitor.SendAsync(HttpMethod.Get, $"/api/catalog/products/{id}", headers: ("If-None-Match", response.Headers.ETag!.ToString()));
        using var picture = await visitor.SendAsync(HttpMethod.Get, (string)product["imageUrl"]!);
        using var missing = await visitor.SendAsync(HttpMethod.Get, $"/api/catalog/products/{Guid.NewGuid()}");

        Assert.Equal(["id", "name", "description", "category", "brand", "price", "imageUrl", "updatedAt"], product.AsObject().Select(field => field.Key));
        Assert.False(response.Headers.ETag.IsWeak);
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
        Assert.Equal((HttpStatusCode.OK, "image/svg+xml"), (picture.StatusCode, picture.Content.Headers.ContentType?.MediaType));
        await missing.ShouldBeProblemAsync(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Categories_count_their_products()
    {
        using var visitor = Shopper.Visitor(shop.Gateway);

        var categories = (await visitor.GetAsync("/api/catalog/categories"))["items"]!.AsArray();

        Assert.Equal(8, categories.Count);
        Assert.All(categories, category => Assert.True((int)category!["productCount"]! > 0 && (string)category["name"]! != ""));
    }

    [Fact]
    public async Task An_admin_edits_the_catalog_and_every_reader_sees_it_within_2_s()
    {
        using var visitor = Shopper.Visitor(shop.Gateway);
        using var customer = await shop.CustomerAsync();
        var admin = shop.Admin;

        using var created = await admin.PostAsync("/api/catalog/products", RunningShop.AProduct("Before"));
        var product = (await created.ReadAsync())!;
        var path = created.Headers.Location!.OriginalString;
        Assert.Equal((HttpStatusCode.Created, $"/api/catalog/products/{product["id"]}"), (created.StatusCode, path));
        Assert.Equal(0, (int)(await visitor.GetAsync($"/api/inventory?productIds={product["id"]}"))["items"]![0]!["available"]!);

        using var read = await visitor.SendAsync(HttpMethod.Get, path);
        using var stale = await admin.PutAsync(path, RunningShop.AProduct("Stale"), ("If-Match", "\"0\""));
        await stale.ShouldBeProblemAsync(HttpStatusCode.PreconditionFailed);
        using var changed = await admin.PutAsync(path, RunningShop.AProduct("After"), ("If-Match", read.Headers.ETag!.ToString()));
        Assert.Equal((HttpStatusCode.OK, "After"), (changed.StatusCode, (string)(await changed.ReadAsync())!["name"]!));
        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(2), async () => (string)(await visitor.GetAsync(path))["name"]! == "After");

        await customer.PutInBasketAsync((string)product["id"]!, 1);
        using var deleted = await admin.SendAsync(HttpMethod.Delete, path);
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(2), async () =>
        {
            using var gone = await visitor.SendAsync(HttpMethod.Get, path);
            return gone.StatusCode is HttpStatusCode.NotFound;
        });
        using var order = await customer.PostOrderAsync(await customer.TokeniseAsync());
        await order.ShouldBeProblemAsync(HttpStatusCode.UnprocessableEntity);
        using var deletedAgain = await admin.SendAsync(HttpMethod.Delete, path);
        await deletedAgain.ShouldBeProblemAsync(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Anyone_reads_what_is_available_and_an_admin_sets_what_is_on_hand()
    {
        using var visitor = Shopper.Visitor(shop.Gateway);
        var admin = shop.Admin;
        var product = Guid.NewGuid().ToString();

        using var never = await admin.SendAsync(HttpMethod.Get, $"/api/inventory/{product}");
        await never.ShouldBeProblemAsync(HttpStatusCode.NotFound);
        using var set = await admin.PutAsync($"/api/inventory/{product}", new { onHand = 7 });
        Assert.Equal(HttpStatusCode.OK, set.StatusCode);
        var stock = await admin.GetAsync($"/api/inventory/{product}");
        Assert.Equal((product, 7, 0, 7), ((string)stock["productId"]!, (int)stock["onHand"]!, (int)stock["reserved"]!, (int)stock["available"]!));
        var available = (await visitor.GetAsync($"/api/inventory?productIds={product},no-such-product"))["items"]!.AsArray();
        Assert.Equal([7, 0], available.Select(item => (int)item!["available"]!));
    }

    [Fact]
    public async Task A_basket_has_the_catalogs_names_and_prices()
    {
        using var customer = await shop.CustomerAsync();
        var product = (await customer.GetAsync("/api/catalog/products?limit=1"))["items"]![0]!;
        var path = $"/api/basket/items/{product["id"]}";

        using var put = await customer.PutAsync(path, new { quantity = 3, unitPrice = new { amount = "0.01", currency = "EUR" } });
        var basket = (await put.ReadAsync())!;
        using var unknown = await customer.PutAsync($"/api/basket/items/{Guid.NewGuid()}", new { quantity = 1 });
        using var removed = await customer.SendAsync(HttpMethod.Delete, path);
        using var emptied = await customer.SendAsync(HttpMethod.Delete, "/api/basket");

        var item = Assert.Single(basket["items"]!.AsArray())!;
        Assert.Equal(((string)product["name"]!, 3, product["price"]!.Amount()), ((string)item["name"]!, (int)item["quantity"]!, item["unitPrice"]!.Amount()));
        Assert.Equal((product["price"]!.Amount() * 3, product["price"]!.Amount() * 3), (item["lineTotal"]!.Amount(), basket["total"]!.Amount()));
        await unknown.ShouldBeProblemAsync(HttpStatusCode.NotFound);
        Assert.Equal((HttpStatusCode.NoContent, HttpStatusCode.NoContent), (removed.StatusCode, emptied.StatusCode));
    }

    [Fact]
    public async Task A_card_is_swapped_for_a_token()
    {
        using var customer = await shop.CustomerAsync();

        using var response = await customer.PostAsync("/api/payments/tokens", new { number = Shopper.AcceptedCard, expiry = "12/30", cvc = "123", holder = "A Customer" });
        var token = (await response.ReadAsync())!;

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(["token", "brand", "last4", "expiry"], token.AsObject().Select(field => field.Key));
        Assert.Equal(("visa", "4242", "12/30"), ((string)token["brand"]!, (string)token["last4"]!, (string)token["expiry"]!));
    }

    [Fact]
    public async Task Shipping_options_are_flat_rates_with_stable_ids()
    {
        using var visitor = Shopper.Visitor(shop.Gateway);

        var options = (await visitor.GetAsync("/api/shipping/options?country=PT"))["items"]!.AsArray();
        using var nowhere = await visitor.SendAsync(HttpMethod.Get, "/api/shipping/options?country=XX");

        Assert.Equal(["standard", "express"], options.Select(option => (string)option!["id"]!));
        Assert.All(options, option => Assert.True(option!["price"]!.Amount() > 0 && (int)option["days"]! > 0 && (string)option["name"]! != ""));
        await nowhere.ShouldBeProblemAsync(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task An_order_tells_everything_that_is_known()
    {
        using var customer = await shop.CustomerAsync();
        await customer.PutInBasketAsync(await shop.NewProductAsync(onHand: 5, price: "10.00"), 2);
        using var response = await customer.PostAsync("/api/orders", Shopper.OrderOf(await customer.TokeniseAsync(), "express", new { amount = "32.90", currency = "EUR" }), ("Idempotency-Key", "1"));
        var order = (await response.ReadAsync())!;

        Assert.True(response.StatusCode is HttpStatusCode.Created, order.ToJsonString());
        Assert.Equal(
            ["id", "status", "reason", "lines", "itemsTotal", "shippingTotal", "total", "shippingAddress", "shippingOption", "payment", "createdAt", "history", "shipment"],
            order.AsObject().Select(field => field.Key));
        Assert.Equal(["productId", "name", "quantity", "unitPrice", "lineTotal"], order["lines"]![0]!.AsObject().Select(field => field.Key));
        Assert.Equal((20.00m, 12.90m, 32.90m), (order["itemsTotal"]!.Amount(), order["shippingTotal"]!.Amount(), order["total"]!.Amount()));
        Assert.Equal(("Lisboa", "PT", "express"), ((string)order["shippingAddress"]!["city"]!, (string)order["shippingAddress"]!["country"]!, (string)order["shippingOption"]!));
        Assert.EndsWith("Z", order["createdAt"]!.GetValue<DateTimeOffset>().UtcDateTime.ToString("o"), StringComparison.Ordinal);
        Assert.Equal(TimeSpan.Zero, order["createdAt"]!.GetValue<DateTimeOffset>().Offset);
    }

    [Fact]
    public async Task Orders_are_listed_newest_first_page_by_page()
    {
        using var customer = await shop.CustomerAsync();
        var product = await shop.NewProductAsync(onHand: 100);
        List<string> placed = [];
        for (var i = 0; i < 5; i++)
            placed.Insert(0, await customer.OrderAsync(product));

        Assert.Equal(placed, (await customer.AllAsync("/api/orders?limit=2")).Select(order => (string)order["id"]!));
    }

    [Fact]
    public async Task An_admin_sees_everything_paged_and_what_changed_since()
    {
        using var customer = await shop.CustomerAsync();
        var since = DateTimeOffset.UtcNow.AddSeconds(-1);
        var order = await customer.OrderAsync(await shop.NewProductAsync(onHand: 1));
        await customer.UntilAsync(order, "confirmed", "dispatched", "delivered");
        var query = $"?updatedSince={since:yyyy-MM-ddTHH:mm:ss.fffZ}&limit=100";

        // All pages: others order at the same time.
        var orders = await shop.Admin.AllAsync($"/api/admin/orders{query}");
        var payments = await shop.Admin.AllAsync($"/api/admin/payments{query}");
        var shipments = await shop.Admin.AllAsync($"/api/admin/shipments{query}");
        var inventory = await shop.Admin.AllAsync($"/api/admin/inventory{query}");
        var first = await shop.Admin.GetAsync("/api/admin/inventory?limit=1");

        Assert.Contains(orders, item => (string)item["id"]! == order);
        Assert.Contains(payments, item => (string)item["orderId"]! == order);
        Assert.Contains(shipments, item => (string)item["orderId"]! == order);
        Assert.NotEmpty(inventory);
        Assert.Single(first["items"]!.AsArray());
        Assert.NotNull((string?)first["nextCursor"]);
    }

    [Fact]
    public async Task The_whole_API_is_described_in_one_document_and_can_be_browsed()
    {
        using var visitor = Shopper.Visitor(shop.Gateway);

        var document = await visitor.GetAsync("/openapi/v1.json");
        using var docs = await visitor.SendAsync(HttpMethod.Get, "/docs/");
        using var root = await visitor.SendAsync(HttpMethod.Get, "/");

        Assert.StartsWith("3.1", (string)document["openapi"]!, StringComparison.Ordinal);
        var described = document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject().Select(operation => $"{operation.Key.ToUpperInvariant()} {path.Key}")).ToHashSet();
        foreach (var call in await DocumentedCallsAsync())
            Assert.Contains(described, operation => Parameter().Replace(operation, "{}") == Parameter().Replace(call, "{}"));
        Assert.Equal((HttpStatusCode.OK, "text/html"), (docs.StatusCode, docs.Content.Headers.ContentType?.MediaType));
        Assert.Equal("/docs", root.Headers.Location?.OriginalString.TrimEnd('/'));
    }

    [Theory]
    [InlineData("/health/ready")]
    [InlineData("/health/live")]
    [InlineData("/metrics")]
    [InlineData("/shopmesh.catalog.v1.Catalog/GetProducts")]
    [InlineData("/api/nothing")]
    public async Task Nothing_but_the_public_paths_is_routed(string path)
    {
        using var visitor = Shopper.Visitor(shop.Gateway);

        using var response = await visitor.SendAsync(HttpMethod.Get, path, headers: ("Host", "localhost:8082"));

        await response.ShouldBeProblemAsync(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_wrong_method_is_405_a_body_that_is_not_JSON_415_and_one_that_is_too_large_413()
    {
        using var customer = await shop.CustomerAsync();
        using var method = await customer.SendAsync(HttpMethod.Delete, "/api/orders");
        using var text = await customer.PutAsync($"/api/basket/items/{Guid.NewGuid()}", new StringContent("quantity=1", new MediaTypeHeaderValue("text/plain")));
        using var large = await customer.PostAsync("/api/payments/tokens", new StringContent($"{{\"holder\": \"{new string('x', 70_000)}\"}}", Encoding.UTF8, "application/json"));

        await method.ShouldBeProblemAsync(HttpStatusCode.MethodNotAllowed);
        await text.ShouldBeProblemAsync(HttpStatusCode.UnsupportedMediaType);
        await large.ShouldBeProblemAsync(HttpStatusCode.RequestEntityTooLarge);
    }

    private async Task<(HttpStatusCode Status, JsonNode Body)> TokenAsync(Dictionary<string, string> form)
    {
        using var visitor = Shopper.Visitor(shop.Gateway);
        using var response = await visitor.Http.PostAsync("/connect/token", new FormUrlEncodedContent(form), Cancellation);
        return (response.StatusCode, (await response.ReadAsync())!);
    }

    private static JsonNode ClaimsOf(string token) => JsonNode.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[1]))!;

    /// <summary>What docs/api.md lists, as "METHOD /path".</summary>
    private static async Task<IReadOnlyList<string>> DocumentedCallsAsync()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs/api.md"), Cancellation);
        return [.. Call().Matches(page).Select(match => $"{match.Groups[1].Value} {match.Groups[2].Value}").Where(call => !call.Contains("/.well-known/") && !call.Contains("/connect/"))];
    }

    [GeneratedRegex(@"`(GET|POST|PUT|DELETE) (/[a-zA-Z0-9/{}.-]*)")]
    private static partial Regex Call();

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Parameter();
}
