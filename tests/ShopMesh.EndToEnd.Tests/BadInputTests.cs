using System.Net;
using System.Text;

namespace ShopMesh.EndToEnd.Tests;

/// <summary>Whatever comes in, the answer is a problem of the client's and nothing is changed.</summary>
[Trait("Category", "Contract")]
public sealed class BadInputTests(WholeShop shop)
{
    private static readonly string[] MediaTypes = ["application/json", "application/xml"];

    private static readonly string[] BadBodies =
    [
        "", "{", "[", "null", "true", "0", "\"text\"", "[]", "{}", "{\"a\":", "\u0000", "{\"name\": \"\\u0000\"}", "{\"quantity\": 1e400}", "{\"onHand\": -1}",
        "{\"quantity\": {\"deep\": [[[[]]]]}}", new('[', 5_000), "{\"email\": \"a@b\", \"email\": []}", "{\"price\": \"10\"}", "{\"price\": {\"amount\": 10, \"currency\": \"EUR\"}}",
        "{\"shippingAddress\": null, \"shippingOption\": null, \"paymentToken\": null}", "{\"number\": 4242424242424242}", "{\"email\": 1, \"password\": [], \"name\": {}}", "\uFEFF{}x",
    ];

    private static readonly string[] BadIds = ["0", "%00", "..%2f..", "%27%3B%20DROP%20TABLE%20orders%3B--", "%F0%9F%98%80", new('x', 500), "%E2%80%AE", "{id}", "00000000-0000-0000-0000-000000000000", "%25", "-1"];

    private static readonly string[] BadQueries =
    [
        "limit=0", "limit=-1", "limit=1e9", "limit=", "limit=9999999999999999999", "cursor=%00", "cursor=AAAA", "cursor=%F0%9F%98%80", "cursor=e30", "sort=%00", "query=%00", "category=%00",
        "updatedSince=yesterday", "updatedSince=0001-01-01T00:00:00Z", "updatedSince=9999-12-31T23:59:59-14:00", "productIds=%00", "productIds=,,,", "country=%00", "country=p%00", "query=%27%22%3B%5C%25_%2A%28%29%3A%26%7C%21",
    ];

    [Fact]
    public async Task No_body_draws_a_5xx_or_changes_anything()
    {
        using var customer = await shop.CustomerAsync();
        var product = await shop.NewProductAsync(onHand: 7);
        await customer.PutInBasketAsync(product, 2);
        var calls = new (Shopper As, HttpMethod Method, string Path)[]
        {
            (customer, HttpMethod.Post, "/api/accounts"),
            (customer, HttpMethod.Put, $"/api/basket/items/{product}"),
            (customer, HttpMethod.Post, "/api/payments/tokens"),
            (customer, HttpMethod.Post, "/api/orders"),
            (shop.Admin, HttpMethod.Post, "/api/catalog/products"),
            (shop.Admin, HttpMethod.Put, $"/api/catalog/products/{product}"),
            (shop.Admin, HttpMethod.Put, $"/api/inventory/{product}"),
        };

        var answers = await Task.WhenAll(
            from call in calls
            from body in BadBodies
            from type in MediaTypes
            select AskAsync(call.As, call.Method, call.Path, new StringContent(body, Encoding.UTF8, type)));

        ShouldAllBeRefused(answers);
        Assert.Equal((7, 0), await shop.StockAsync(product));
        Assert.Equal(2, (int)(await customer.GetAsync("/api/basket"))["items"]![0]!["quantity"]!);
        Assert.Empty((await customer.GetAsync("/api/orders"))["items"]!.AsArray());
    }

    [Fact]
    public async Task No_id_draws_a_5xx()
    {
        using var customer = await shop.CustomerAsync();
        var calls = new (Shopper As, HttpMethod Method, string Path, object? Body)[]
        {
            (customer, HttpMethod.Get, "/api/catalog/products/{0}", null),
            (customer, HttpMethod.Get, "/api/orders/{0}", null),
            (customer, HttpMethod.Get, "/api/orders/{0}/events", null),
            (customer, HttpMethod.Post, "/api/orders/{0}/cancel", null),
            (customer, HttpMethod.Put, "/api/basket/items/{0}", new { quantity = 1 }),
            (shop.Admin, HttpMethod.Get, "/api/inventory/{0}", null),
            (shop.Admin, HttpMethod.Put, "/api/catalog/products/{0}", RunningShop.AProduct("A")),
            (shop.Admin, HttpMethod.Delete, "/api/catalog/products/{0}", null),
        };

        ShouldAllBeRefused(await Task.WhenAll(
            from call in calls
            from id in BadIds
            select AskAsync(call.As, call.Method, call.Path.Replace("{0}", id, StringComparison.Ordinal), call.Body)));
        // These may be 204: there is nothing by then.
        ShouldNotFail(await Task.WhenAll(BadIds.Select(id => AskAsync(customer, HttpMethod.Delete, $"/api/basket/items/{id}", null))));
    }

    [Fact]
    public async Task No_query_draws_a_5xx()
    {
        string[] lists =
        [
            "/api/catalog/products", "/api/catalog/categories", "/api/inventory", "/api/shipping/options", "/api/orders",
            "/api/admin/orders", "/api/admin/payments", "/api/admin/shipments", "/api/admin/inventory",
        ];

        ShouldNotFail(await Task.WhenAll(
            from list in lists
            from query in BadQueries
            select AskAsync(shop.Admin, HttpMethod.Get, $"{list}?{query}", null)));
    }

    /// <summary>One that comes as far as the database can break what others ask of it afterwards.</summary>
    [Fact]
    public async Task A_NUL_is_refused_at_the_door()
    {
        using var customer = await shop.CustomerAsync();
        var (order, product) = (Shopper.OrderOf("tok\0"), RunningShop.AProduct("A\0B"));
        foreach (var (answer, names) in new[]
        {
            (await AskAsync(customer, HttpMethod.Get, "/api/inventory?productIds=a%00b", null), "query"),
            (await AskAsync(customer, HttpMethod.Post, "/api/orders", order, ("Idempotency-Key", $"{Guid.NewGuid()}")), "paymentToken"),
            (await AskAsync(shop.Admin, HttpMethod.Post, "/api/catalog/products", product), "name"),
        })
        {
            Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
            Assert.Contains("must not contain the NUL character", answer.Body, StringComparison.Ordinal);
            Assert.Contains(names, answer.Body, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task No_header_draws_a_5xx()
    {
        using var customer = await shop.CustomerAsync();
        var product = (string)(await customer.GetAsync("/api/catalog/products?limit=1"))["items"]![0]!["id"]!;
        var order = await customer.OrderAsync(await shop.NewProductAsync(onHand: 1));
        await customer.UntilFinalAsync(order);
        var card = await customer.TokeniseAsync();
        await customer.PutInBasketAsync(product, 1);
        foreach (var value in new[] { "", "nonsense", "\"", "W/\"1\"", "*", new string('9', 300), "-1", "\"1\", \"2\"" })
        {
            ShouldNotFail(
            [
                await AskAsync(customer, HttpMethod.Get, $"/api/catalog/products/{product}", null, ("If-None-Match", value)),
                await AskAsync(shop.Admin, HttpMethod.Put, $"/api/catalog/products/{Guid.Empty}", RunningShop.AProduct("A"), ("If-Match", value)),
                await AskAsync(customer, HttpMethod.Get, $"/api/orders/{order}/events", null, ("Last-Event-ID", value)),
                await AskAsync(customer, HttpMethod.Get, "/api/orders", null, ("Authorization", value)),
                await AskAsync(customer, HttpMethod.Get, "/api/orders", null, ("Accept", value)),
            ]);
        }

        ShouldAllBeRefused(
        [
            await AskAsync(customer, HttpMethod.Post, "/api/orders", Shopper.OrderOf(card)),
            await AskAsync(customer, HttpMethod.Post, "/api/orders", Shopper.OrderOf(card), ("Idempotency-Key", "")),
            await AskAsync(customer, HttpMethod.Post, "/api/orders", Shopper.OrderOf(card), ("Idempotency-Key", new string('k', 256))),
        ]);
        Assert.Single((await customer.GetAsync("/api/orders"))["items"]!.AsArray());
    }

    [Theory]
    [InlineData("")]
    [InlineData("grant_type=")]
    [InlineData("grant_type=magic")]
    [InlineData("grant_type=password")]
    [InlineData("grant_type=password&client_id=shopmesh")]
    [InlineData("grant_type=password&client_id=shopmesh&username=%00&password=%00")]
    [InlineData("grant_type=password&client_id=nobody&username=alice@example.com&password=Passw0rd!")]
    [InlineData("grant_type=refresh_token&client_id=shopmesh&refresh_token=nonsense")]
    [InlineData("grant_type=client_credentials&client_id=ordering&client_secret=%00")]
    [InlineData("grant_type=password&grant_type=password")]
    public async Task A_bad_token_request_is_told_as_OAuth_has_it(string form)
    {
        using var visitor = Shopper.Visitor(shop.Gateway);

        using var response = await visitor.SendAsync(HttpMethod.Post, "/connect/token", new StringContent(form, Encoding.UTF8, "application/x-www-form-urlencoded"));

        var answer = await response.ReadAsync();
        Assert.True(response.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.Unauthorized, $"{(int)response.StatusCode}: {answer?.ToJsonString()}");
        Assert.False(string.IsNullOrEmpty((string?)answer!["error"]));
    }

    private sealed record Answer(string What, HttpStatusCode Status, string Body);

    private static async Task<Answer> AskAsync(Shopper shopper, HttpMethod method, string path, object? body, params (string, string)[] headers)
    {
        var what = body is StringContent content ? $" with {await content.ReadAsStringAsync(TestContext.Current.CancellationToken)}" : string.Concat(headers.Select(header => $" with {header}"));
        using var response = await shopper.SendAsync(method, path, body, headers);
        return new($"{method} {path}{what}", response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private static void ShouldNotFail(IEnumerable<Answer> answers) => Assert.DoesNotContain(answers, answer => (int)answer.Status >= 500);

    private static void ShouldAllBeRefused(IEnumerable<Answer> answers) => Assert.DoesNotContain(answers, answer => (int)answer.Status is < 400 or >= 500);
}
