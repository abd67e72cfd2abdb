using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ShopMesh.EndToEnd.Tests;

public sealed class IsolationTests(WholeShop shop)
{
    private static readonly (HttpMethod Method, string Path, object? Body)[] AdminCalls =
    [
        (HttpMethod.Post, "/api/catalog/products", RunningShop.AProduct("A")),
        (HttpMethod.Put, $"/api/catalog/products/{Guid.Empty}", RunningShop.AProduct("A")),
        (HttpMethod.Delete, $"/api/catalog/products/{Guid.Empty}", null),
        (HttpMethod.Get, "/api/inventory/p1", null),
        (HttpMethod.Put, "/api/inventory/p1", new { onHand = 1 }),
        (HttpMethod.Get, "/api/admin/orders", null),
        (HttpMethod.Get, "/api/admin/payments", null),
        (HttpMethod.Get, "/api/admin/shipments", null),
        (HttpMethod.Get, "/api/admin/inventory", null),
    ];

    private static readonly (HttpMethod Method, string Path, object? Body)[] CustomerCalls =
    [
        (HttpMethod.Get, "/api/accounts/me", null),
        (HttpMethod.Get, "/api/basket", null),
        (HttpMethod.Put, "/api/basket/items/p1", new { quantity = 1 }),
        (HttpMethod.Delete, "/api/basket/items/p1", null),
        (HttpMethod.Delete, "/api/basket", null),
        (HttpMethod.Post, "/api/payments/tokens", new { number = Shopper.AcceptedCard, expiry = "12/30", cvc = "123", holder = "A" }),
        (HttpMethod.Post, "/api/orders", Shopper.OrderOf("t")),
        (HttpMethod.Get, "/api/orders", null),
        (HttpMethod.Get, $"/api/orders/{Guid.Empty}", null),
        (HttpMethod.Get, $"/api/orders/{Guid.Empty}/events", null),
        (HttpMethod.Post, $"/api/orders/{Guid.Empty}/cancel", null),
    ];

    [Fact]
    public async Task Another_customers_things_are_not_there()
    {
        using var owner = await shop.CustomerAsync();
        using var other = await shop.CustomerAsync();
        var product = await shop.NewProductAsync(onHand: 10);
        var order = await owner.OrderAsync(product, 1);
        await owner.PutInBasketAsync(product, 2);
        var card = await owner.TokeniseAsync();

        foreach (var (method, path) in new[] { (HttpMethod.Get, ""), (HttpMethod.Get, "/events"), (HttpMethod.Post, "/cancel") })
        {
            using var response = await other.SendAsync(method, $"/api/orders/{order}{path}");
            await response.ShouldBeProblemAsync(HttpStatusCode.NotFound);
        }

        Assert.Empty((await other.GetAsync("/api/orders"))["items"]!.AsArray());
        Assert.Empty((await other.GetAsync("/api/basket"))["items"]!.AsArray());
        await other.PutInBasketAsync(product, 1);
        using var withTheirCard = await other.PostOrderAsync(card);
        await withTheirCard.ShouldBeProblemAsync(HttpStatusCode.UnprocessableEntity);
        Assert.Equal(2, (int)(await owner.GetAsync("/api/basket"))["items"]![0]!["quantity"]!);
    }

    [Fact]
    public async Task Admin_calls_are_403_to_a_customer_and_401_to_nobody()
    {
        using var customer = await shop.CustomerAsync();
        using var visitor = Shopper.Visitor(shop.Gateway);
        foreach (var (method, path, body) in AdminCalls)
        {
            using var forbidden = await customer.SendAsync(method, path, body);
            await forbidden.ShouldBeProblemAsync(HttpStatusCode.Forbidden);
            using var unauthorized = await visitor.SendAsync(method, path, body);
            await unauthorized.ShouldBeProblemAsync(HttpStatusCode.Unauthorized);
        }
    }

    [Fact]
    public async Task Customer_calls_are_401_to_nobody()
    {
        using var visitor = Shopper.Visitor(shop.Gateway);
        foreach (var (method, path, body) in CustomerCalls)
        {
            using var response = await visitor.SendAsync(method, path, body);
            await response.ShouldBeProblemAsync(HttpStatusCode.Unauthorized);
        }
    }

    public static TheoryData<string> BadTokens => new("forged", "unsigned", "expired", "of another issuer", "tampered", "of the mesh", "gibberish");

    [Theory]
    [MemberData(nameof(BadTokens))]
    public async Task A_bad_token_is_401_everywhere(string kind)
    {
        using var customer = await shop.CustomerAsync();
        var good = customer.Http.DefaultRequestHeaders.Authorization!.Parameter!;
        using var bearer = Shopper.Visitor(shop.Gateway).With(await BadTokenAsync(kind, good));
        var expected = kind is "of the mesh" ? HttpStatusCode.Forbidden : HttpStatusCode.Unauthorized;

        foreach (var (method, path, body) in CustomerCalls.Concat(AdminCalls))
        {
            using var response = await bearer.SendAsync(method, path, body);
            await response.ShouldBeProblemAsync(expected);
        }
    }

    [Theory]
    [InlineData("catalog", "shopmesh.catalog.v1.Catalog/GetProducts")]
    [InlineData("inventory", "shopmesh.inventory.v1.Inventory/Reserve")]
    [InlineData("basket", "shopmesh.basket.v1.Basket/RemoveItems")]
    [InlineData("payment", "shopmesh.payment.v1.Payment/Authorize")]
    [InlineData("shipping", "shopmesh.shipping.v1.Shipping/CreateShipments")]
    public async Task Inside_the_mesh_a_service_serves_services_with_its_scope_alone(string service, string method)
    {
        using var customer = await shop.CustomerAsync();
        var basketsToken = await shop.ServiceTokenAsync("basket");

        Assert.Equal(HttpStatusCode.Unauthorized, await CallAsync(null));
        Assert.Equal(HttpStatusCode.Forbidden, await CallAsync(customer.Http.DefaultRequestHeaders.Authorization!.Parameter));
        Assert.Equal(HttpStatusCode.Forbidden, await CallAsync(shop.Admin.Http.DefaultRequestHeaders.Authorization!.Parameter));
        // Basket calls the catalog, and nobody else.
        Assert.Equal(service is "catalog" ? HttpStatusCode.OK : HttpStatusCode.Forbidden, await CallAsync(basketsToken));

        async Task<HttpStatusCode> CallAsync(string? token)
        {
            using var http = new HttpClient();
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(shop.Processes[service].Grpc, method))
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                // An empty message (gRPC over HTTP/2: flags and length).
                Content = new ByteArrayContent(new byte[5]) { Headers = { ContentType = new("application/grpc") } },
            };
            if (token is not null)
                request.Headers.Authorization = new("Bearer", token);
            using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
            return response.StatusCode;
        }
    }

    private async Task<string> BadTokenAsync(string kind, string good)
    {
        var parts = good.Split('.');
        JsonNode header = Decode(parts[0]), payload = Decode(parts[1]);
        using var stranger = RSA.Create(2048);
        switch (kind)
        {
            case "forged":
                return Sign(header, payload, stranger);
            case "unsigned":
                header["alg"] = "none";
                return $"{Encode(header)}.{parts[1]}.";
            case "tampered":
                payload["role"] = "admin";
                return $"{parts[0]}.{Encode(payload)}.{parts[2]}";
            case "of another issuer":
                payload["iss"] = "https://elsewhere.example/";
                return Sign(header, payload, stranger);
            case "expired":
                return await shop.ExpiredTokenAsync();
            case "of the mesh":
                return await shop.ServiceTokenAsync("ordering");
            default:
                return "gibberish";
        }
    }

    private static string Sign(JsonNode header, JsonNode payload, RSA key)
    {
        var unsigned = $"{Encode(header)}.{Encode(payload)}";
        return $"{unsigned}.{Base64Url(key.SignData(Encoding.ASCII.GetBytes(unsigned), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
    }

    private static JsonNode Decode(string part) => JsonNode.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(part))!;

    private static string Encode(JsonNode part) => Base64Url(JsonSerializer.SerializeToUtf8Bytes(part));

    private static string Base64Url(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
}
