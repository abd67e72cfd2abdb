using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ShopMesh.Testing;

/// <summary>Somebody in front of the gateway: a visitor, a customer or an admin.</summary>
public sealed class Shopper : IDisposable
{
    public const string DemoPassword = "Passw0rd!";
    public const string AcceptedCard = "4242 4242 4242 4242";
    public const string DeclinedCard = "4000 0000 0000 0002";
    public const string CardWithoutFunds = "4000 0000 0000 9995";
    public const string CardToTryAgain = "4000 0000 0000 0119";

    private Shopper(Uri gateway) => Http = new(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(2) }) { BaseAddress = gateway, Timeout = TimeSpan.FromSeconds(60) };

    public HttpClient Http { get; }

    public string Email { get; private init; } = "";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static Shopper Visitor(Uri gateway) => new(gateway);

    /// <summary>A new customer, signed in.</summary>
    public static async Task<Shopper> RegisterAsync(Uri gateway)
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        using var visitor = Visitor(gateway);
        using var response = await visitor.PostAsync("/api/accounts", new { email, password = DemoPassword, name = "A Customer" });
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        return await SignInAsync(gateway, email);
    }

    public static async Task<Shopper> SignInAsync(Uri gateway, string email)
    {
        var shopper = new Shopper(gateway) { Email = email };
        using var response = await shopper.Http.PostAsync("/connect/token", new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "password",
            ["client_id"] = "shopmesh",
            ["username"] = email,
            ["password"] = DemoPassword,
        }), Cancellation);
        var answer = await response.ReadAsync();
        Assert.True(response.IsSuccessStatusCode, answer?.ToJsonString());
        return shopper.With((string)answer!["access_token"]!);
    }

    public Shopper With(string token)
    {
        Http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        return this;
    }

    public async Task<JsonNode> GetAsync(string path)
    {
        using var response = await Http.GetAsync(path, Cancellation);
        var answer = await response.ReadAsync();
        Assert.True(response.StatusCode is HttpStatusCode.OK, $"GET {path}: {(int)response.StatusCode} {answer?.ToJsonString()}");
        return answer!;
    }

    /// <summary>The pages of a list, from the first to the last.</summary>
    /// <param name="path">With a query.</param>
    public async IAsyncEnumerable<JsonNode> PagesAsync(string path)
    {
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await GetAsync($"{path}&cursor={cursor}");
            yield return page;
            cursor = (string?)page["nextCursor"];
        }
    }

    /// <summary>What is on all pages of a list.</summary>
    /// <inheritdoc cref="PagesAsync"/>
    public async Task<List<JsonNode>> AllAsync(string path)
    {
        List<JsonNode> all = [];
        await foreach (var page in PagesAsync(path))
            all.AddRange(page["items"]!.AsArray().Select(item => item!));
        return all;
    }

    public Task<HttpResponseMessage> PostAsync(string path, object? body, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Post, path, body, headers);

    public Task<HttpResponseMessage> PutAsync(string path, object? body, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Put, path, body, headers);

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, object? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Content = body switch
        {
            null => null,
            HttpContent content => content,
            string text => new StringContent(text, new MediaTypeHeaderValue("application/json")),
            _ => JsonContent.Create(body),
        };
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
    }

    public async Task PutInBasketAsync(string product, int quantity)
    {
        using var response = await PutAsync($"/api/basket/items/{product}", new { quantity });
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    public async Task<string> TokeniseAsync(string card = AcceptedCard)
    {
        using var response = await PostAsync("/api/payments/tokens", new { number = card, expiry = "12/30", cvc = "123", holder = "A Customer" });
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        return (string)(await response.ReadAsync())!["token"]!;
    }

    public static object OrderOf(string paymentToken, string option = "standard", object? expectedTotal = null) => new
    {
        shippingAddress = new { name = "A Customer", line1 = "Rua Augusta 1", city = "Lisboa", postalCode = "1100-048", country = "PT" },
        shippingOption = option,
        paymentToken,
        expectedTotal,
    };

    public Task<HttpResponseMessage> PostOrderAsync(string paymentToken, string? key = null) =>
        PostAsync("/api/orders", OrderOf(paymentToken), ("Idempotency-Key", key ?? Guid.NewGuid().ToString()));

    /// <summary>Orders some pieces of one product.</summary>
    /// <returns>The order's id.</returns>
    public async Task<string> OrderAsync(string product, int quantity = 1, string card = AcceptedCard)
    {
        await PutInBasketAsync(product, quantity);
        using var response = await PostOrderAsync(await TokeniseAsync(card));
        var order = await response.ReadAsync();
        Assert.True(response.StatusCode is HttpStatusCode.Created, order?.ToJsonString());
        return (string)order!["id"]!;
    }

    /// <summary>Reads an order until it has one of these statuses; fails when it ends with another.</summary>
    public async Task<JsonNode> UntilAsync(string order, params string[] statuses)
    {
        var deadline = DateTime.UtcNow.AddSeconds(90);
        while (true)
        {
            var answer = await GetAsync($"/api/orders/{order}");
            var status = (string)answer["status"]!;
            if (statuses.Contains(status))
                return answer;
            Assert.False(status is "delivered" or "rejected" or "cancelled", $"It ended {status}: {answer.ToJsonString()}");
            Assert.True(DateTime.UtcNow < deadline, $"It is still {status} after 90 s: {answer.ToJsonString()}");
            await Task.Delay(50, Cancellation);
        }
    }

    public Task<JsonNode> UntilFinalAsync(string order) => UntilAsync(order, "delivered", "rejected", "cancelled");

    public void Dispose() => Http.Dispose();
}

public static class Answers
{
    /// <summary>The body as JSON; null when there is none.</summary>
    public static async Task<JsonNode?> ReadAsync(this HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        try
        {
            return text is "" ? null : JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }

    /// <summary>That the answer is a problem document (RFC 9457) with this status.</summary>
    public static async Task<JsonNode> ShouldBeProblemAsync(this HttpResponseMessage response, HttpStatusCode status)
    {
        var body = await response.ReadAsync();
        Assert.True(response.StatusCode == status, $"{(int)response.StatusCode} instead of {(int)status}: {body?.ToJsonString()}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal((int)status, (int)body!["status"]!);
        Assert.False(string.IsNullOrEmpty((string?)body["title"]));
        Assert.False(string.IsNullOrEmpty((string?)body["type"]));
        Assert.False(string.IsNullOrEmpty((string?)body["detail"]));
        Assert.False(string.IsNullOrEmpty((string?)body["traceId"]));
        return body;
    }

    public static decimal Amount(this JsonNode money)
    {
        Assert.Equal("EUR", (string)money["currency"]!);
        return decimal.Parse((string)money["amount"]!, System.Globalization.CultureInfo.InvariantCulture);
    }
}
