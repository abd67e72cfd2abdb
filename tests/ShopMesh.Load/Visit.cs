using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace ShopMesh.Load;

/// <summary>The request has failed, and was recorded: the visit ends.</summary>
internal sealed class RequestFailedException : Exception;

/// <summary>One journey on its way.</summary>
internal sealed class Visit(HttpClient http, KnownShop shop, Customer? customer, Recorder recorder, long intendedStart)
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    /// <summary>The first request counts from when it should have begun, so that a stall is not hidden; each other one from when the one before it was answered.</summary>
    private long _start = intendedStart;

    public KnownShop Shop => shop;

    public Customer Customer => customer!;

    /// <summary>Not the one that was ordered last: that order may still take it out of the basket.</summary>
    public string AnyProduct()
    {
        string product;
        do
            product = shop.AnyProduct();
        while (product == Customer.LastOrdered);
        return product;
    }

    public void Acknowledge(string order) => recorder.Acknowledge(order);

    public Task<Answer> GetAsync(string name, string path) => SendAsync(name, HttpMethod.Get, path);

    public Task<Answer> PutInBasketAsync(string product, int quantity) => SendAsync("basket: put", HttpMethod.Put, $"/api/basket/items/{product}", $$"""{"quantity": {{quantity}}}""");

    /// <exception cref="RequestFailedException">It was not answered, or not with success.</exception>
    public async Task<Answer> SendAsync(string name, HttpMethod method, string path, string? body = null, string? idempotencyKey = null)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = customer?.Token;
        if (body is not null)
            request.Content = new StringContent(body, Json);
        if (idempotencyKey is not null)
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        try
        {
            using var response = await http.SendAsync(request);
            var text = await response.Content.ReadAsByteArrayAsync();
            if (!response.IsSuccessStatusCode)
                throw Fail(FailureKind.Status, response.StatusCode, System.Text.Encoding.UTF8.GetString(text));
            var now = Stopwatch.GetTimestamp();
            recorder.Succeeded(name, Stopwatch.GetElapsedTime(_start, now));
            _start = now;
            return new(text.Length == 0 ? default : JsonElement.Parse(text), what => Fail(FailureKind.WrongAnswer, response.StatusCode, what));
        }
        catch (OperationCanceledException)
        {
            throw Fail(FailureKind.Timeout, null, $"no answer within {http.Timeout.TotalSeconds} s");
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw Fail(FailureKind.Connection, null, e.InnerException is null ? e.Message : $"{e.Message} {e.InnerException.Message}");
        }

        RequestFailedException Fail(FailureKind kind, HttpStatusCode? status, string detail)
        {
            recorder.Failed(new(DateTimeOffset.UtcNow, name, ServiceOf(path), kind, (int?)status, detail), Stopwatch.GetElapsedTime(_start));
            return new();
        }
    }

    /// <summary>As the gateway routes it.</summary>
    private static string ServiceOf(string path) => path.Split('/', '?')[2] switch
    {
        "payments" => "payment",
        "orders" => "ordering",
        var service => service,
    };
}

/// <summary>An answer of success; a journey checks what it says.</summary>
internal readonly record struct Answer(JsonElement Body, Func<string, RequestFailedException> Wrong)
{
    public void Check(bool holds, string what)
    {
        if (!holds)
            throw Wrong($"it does not hold that {what}: {Body.GetRawText()}");
    }
}

internal static class MoneyInJson
{
    public static decimal Amount(this JsonElement json, string property) =>
        decimal.Parse(json.GetProperty(property).GetProperty("amount").GetString()!, System.Globalization.CultureInfo.InvariantCulture);
}
